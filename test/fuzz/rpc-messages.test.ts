import type { OutgoingHttpHeaders } from 'node:http2';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { status } from '../../src/wire/status.ts';
import { type AgentUnderTest, startTestAgent } from '../rpc/agent-under-test.ts';
import { container, podA } from '../rpc/scripted-executor.ts';
import { bytes, changed, changes } from './bytes.ts';
import { type Answer, framed, RawCalls } from './raw-calls.ts';
import { methods, requests } from './requests.ts';
import { costlyRuns, patience } from './runs.ts';

let agent: AgentUnderTest;
let calls: RawCalls;
beforeAll(async () => {
  const many = ['limits.callsPerSecondPerPod=1000000', 'limits.callBurstPerPod=1000000', 'limits.streamsPerPod=2048'];
  agent = await startTestAgent(['callers.witness=none', ...many]);
  agent.executor.put(podA, { ...container(podA, 'waits'), state: 'waiting', id: '' });
  calls = new RawCalls(`${agent.directory}/run/pods/${podA.uid}/agent.sock`);
});
afterAll(async () => {
  calls?.close();
  await agent?.close();
});

/** Whatever may take for ever ends with this. */
const soon = { 'grpc-timeout': '50m' };
const known = new Set<number>(Object.values(status).filter((code) => code !== status.UNKNOWN));

/** Every answer is a status; INTERNAL says one of three things, of which none tells anything. */
function expectStatus({ http, code, message }: Answer, of: string): void {
  expect(http, of).toBe(200);
  expect(known.has(code ?? status.UNKNOWN), `${of} was answered ${code} ${message}`).toBe(true);
  if (code !== status.INTERNAL) return;
  // The scripted executor's files fail as a bug would let it out.
  const words = ['Error deserializing request', 'podhand failed; the agent log has the cause'];
  expect(words, of).toContain(decodeURI(message));
}

function expectQuietLog(from: number): void {
  const errors = agent.logLines.slice(from).filter(({ level }) => Number(level) >= 50) as {
    err?: { message?: string };
  }[];
  const foreseen =
    /^(?:ENOENT: no such file or directory, open '\/var\/lib\/secret'|the scripted executor has no volumes)$/;
  expect(errors.filter(({ err }) => !foreseen.test(err?.message ?? ''))).toEqual([]);
}

async function expectGoodCall(): Promise<void> {
  expect(await calls.call('/podhand.v1.ExecutorService/GetInfo', framed(Buffer.alloc(0)))).toMatchObject({ code: 0 });
}

test(
  'thousands of hostile and changed requests to every method: each is answered with a status',
  async () => {
    const request = fc.oneof(
      { weight: 3, arbitrary: requests },
      fc.tuple(requests, changes).map(([{ method, message }, all]) => ({ method, message: changed(message, all) })),
      fc.tuple(fc.constantFrom(...methods), bytes()).map(([method, message]) => ({ method, message })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 80, maxLength: 120, size: 'max' }), async (batch) => {
        const from = agent.logLines.length;
        const answers = await Promise.all(
          batch.map(({ method, message }) => calls.call(method.path, framed(message), soon)),
        );
        for (const [at, answer] of answers.entries()) {
          const { method, message } = batch[at] as (typeof batch)[number];
          expectStatus(answer, `${method.name} ${message.toString('hex').slice(0, 400)}`);
        }
        expectQuietLog(from);
        await expectGoodCall();
      }),
      costlyRuns(25),
    );
  },
  patience,
);

test(
  'messages that are framed wrongly, packed, or more than one',
  async () => {
    const good = framed(Buffer.from('\x0a\x04main'));
    const packed = (content: Buffer) => framed(gzipSync(content), 1);
    const bodies = fc.oneof(
      fc.tuple(fc.integer({ min: 0, max: 255 }), bytes(30)).map(([flag, message]) => framed(message, flag)),
      fc.nat({ max: good.length }).map((at) => good.subarray(0, at)),
      fc.constant(Buffer.concat([good, good])),
      fc.constantFrom(
        Buffer.alloc(0),
        Buffer.alloc(5, 0xff),
        framed(Buffer.alloc(65_537)),
        Buffer.concat([good, Buffer.from([0])]),
      ),
      fc.constantFrom(
        packed(Buffer.alloc(50_000_000)),
        packed(Buffer.from('\x0a\x04main')),
        framed(Buffer.from('no gzip'), 1),
      ),
    );
    const encoding = fc.constantFrom(
      {},
      { 'grpc-encoding': 'gzip' },
      { 'grpc-encoding': 'deflate' },
      { 'grpc-encoding': 'br\u0080' },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...methods), bodies, encoding), {
          minLength: 20,
          maxLength: 30,
          size: 'max',
        }),
        async (batch) => {
          const from = agent.logLines.length;
          const answers = await Promise.all(
            batch.map(([method, body, how]) => calls.call(method.path, body, { ...how, ...soon })),
          );
          for (const [at, { http, code, message }] of answers.entries()) {
            const [method, body] = batch[at] as (typeof batch)[number];
            expect(http, `${method.name} ${body.toString('hex').slice(0, 200)}`).toBe(200);
            expect(known.has(code ?? status.UNKNOWN), `${method.name} ${code} ${message}`).toBe(true);
            expect(message).not.toMatch(/\bat .*:\d+:\d+|node_modules|\/src\//);
          }
          expectQuietLog(from);
          await expectGoodCall();
        },
      ),
      costlyRuns(10),
    );
  },
  patience,
);

test(
  'hostile metadata: a status, or nothing but the reset of that one stream',
  async () => {
    const printable = fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    });
    const value = fc.oneof(
      fc.constantFrom(
        '',
        '0',
        '-1',
        '99999999H',
        '1x',
        '00000000000S',
        'NaN',
        'default/b',
        '%',
        '%ff',
        '\u0080\u00ff',
        '=',
        '====',
        'x'.repeat(20_000),
        ...['00', 'ff', '01'].map((version) => `${version}-${'0'.repeat(32)}-${'1'.repeat(16)}-01`),
      ),
      printable,
      fc.string({ unit: fc.integer({ min: 0x80, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 20 }),
    );
    const key = fc.constantFrom(
      'podhand-pod',
      'traceparent',
      'grpc-timeout',
      'grpc-encoding',
      'grpc-accept-encoding',
      'user-agent',
      'x',
      'x-bin',
      'grpc-status',
      'grpc-message',
      'grpc-trace-bin',
      'content-type',
      ':authority',
      'cookie',
      'retry-after-ms',
      'constructor',
      '__proto__',
      'tostring',
    );
    const path = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...methods.map((method) => method.path)) },
      fc.constantFrom(
        '/',
        '*',
        '//',
        '/podhand.v1.ExecutorService',
        '/podhand.v1.ExecutorService/Nothing',
        '/grpc.health.v1.Health/Check',
        '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
        '/__proto__',
        '/constructor',
        '/\u00ff%00',
        `/${'x'.repeat(9000)}`,
      ),
    );
    const headers = fc.dictionary(key, value, { maxKeys: 6 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(path, headers), { minLength: 30, maxLength: 40, size: 'max' }),
        async (batch) => {
          const from = agent.logLines.length;
          const answers = await Promise.all(
            batch.map(([to, more]) => {
              const all: OutgoingHttpHeaders = { ...soon, ...more };
              return calls.call(to, framed(Buffer.alloc(0)), all);
            }),
          );
          for (const [at, { http, code, message }] of answers.entries()) {
            const what = `${JSON.stringify(batch[at]).slice(0, 300)} was answered ${http} ${code} ${message}`;
            if (http === 200) expect(known.has(code ?? status.UNKNOWN), what).toBe(true);
            else expect([undefined, 415], what).toContain(http);
            expect(message).not.toMatch(/\bat .*:\d+:\d+|node_modules|\/src\//);
          }
          expect(calls.session.destroyed).toBe(false);
          expectQuietLog(from);
          await expectGoodCall();
        },
      ),
      costlyRuns(8),
    );
  },
  patience,
);
