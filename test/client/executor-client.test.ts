import { setTimeout as sleep } from 'node:timers/promises';
import { Metadata } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PodhandError } from '../../src/wire/errors.ts';
import { all, ConnectedAgent, failure, info } from './connected-agent.ts';
import { type Answer, type Streaming, statusOf, writeAll } from './scripted-agent.ts';

let agent: ConnectedAgent;

beforeEach(() => {
  agent = new ConnectedAgent();
});

afterEach(() => {
  agent[Symbol.dispose]();
});

test('an error brings its reason, code and details', async () => {
  const given = new PodhandError('FILE_NOT_FOUND', 'no such file', { details: { path: '/x', wide: 'ü'.repeat(100) } });
  await agent.start({ GetInfo: (_call: unknown, answer: Answer) => answer(statusOf(given)) });
  const error = await failure(agent.connect().getInfo());
  expect({ reason: error.reason, code: error.code, message: error.message, details: error.details }).toEqual({
    reason: 'FILE_NOT_FOUND',
    code: 5,
    message: 'no such file',
    details: given.details,
  });
});

test.each([
  ['a status without a reason', { code: 3, details: 'bad' }, 'INVALID_REQUEST'],
  ['a broken trailer', { code: 13, details: 'x', metadata: trailer(Buffer.from([0xff, 1, 2])) }, 'INTERNAL'],
  ['an unknown code', { code: 2, details: 'x' }, 'INTERNAL'],
  ['a method that the agent does not have', { code: 12, details: 'x' }, 'ROLE_NOT_OFFERED'],
])('%s becomes the nearest reason', async (_name, status, reason) => {
  await agent.start({ GetInfo: (_call: unknown, answer: Answer) => answer(status) });
  expect((await failure(agent.connect().getInfo())).reason).toBe(reason);
});

function trailer(bytes: Buffer): Metadata {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', bytes);
  return metadata;
}

test('a deadline and a signal end the attempts to reach an agent', async () => {
  const calling = agent.connect();
  expect((await failure(calling.getInfo({ deadline: new Date(Date.now() + 200) }))).reason).toBe('DEADLINE_EXCEEDED');
  const error = await failure(calling.getInfo({ signal: AbortSignal.timeout(100) }));
  expect(error.reason).toBe('CANCELLED');
});

test('a deadline and a signal end a call that is not answered', async () => {
  await agent.start({ GetInfo: () => undefined, Wait: () => undefined });
  const calling = agent.connect();
  expect((await failure(calling.getInfo({ deadline: new Date(Date.now() + 200) }))).reason).toBe('DEADLINE_EXCEEDED');
  expect((await failure(all(calling.wait({}, { signal: AbortSignal.timeout(100) })))).reason).toBe('CANCELLED');
  expect((await failure(calling.getInfo({ signal: AbortSignal.abort() }))).reason).toBe('CANCELLED');
});

test('the pod is chosen by metadata', async () => {
  const pods: unknown[] = [];
  await agent.start({
    GetInfo: (call: { metadata: Metadata }, answer: Answer) => {
      pods.push(call.metadata.get('podhand-pod'));
      answer(null, {});
    },
  });
  await agent.connect({ pod: 'default/job' }).getInfo();
  await agent.connect().getInfo();
  expect(pods).toEqual([['default/job'], []]);
});

test('a path is sent as bytes', async () => {
  const paths: Buffer[] = [];
  const serve = (call: Streaming<{ path: Buffer }>): void => {
    paths.push(call.request.path);
    call.end();
  };
  await agent.start({ ReadFile: serve });
  const calling = agent.connect();
  await all(calling.readFile({ container: 'main', path: '/tmp/ü' }));
  await all(calling.readFile({ container: 'main', path: Buffer.from([0x2f, 0xff, 0xfe]) }));
  expect(paths).toEqual([Buffer.from('/tmp/ü'), Buffer.from([0x2f, 0xff, 0xfe])]);
});

test('a reader that stops reading holds the agent back; leaving the loop cancels the call', async () => {
  let written = -1;
  let finished = Promise.resolve();
  await agent.start({
    StreamLogs: (call: Parameters<typeof writeAll>[0]) => {
      const data = Buffer.alloc(65_536);
      function* chunks(): Generator<object> {
        for (written = 0; written < 16_384; written += 1) yield { chunk: { data, cursor: Buffer.from('c') } };
      }
      finished = writeAll(call, chunks()).then(() => undefined);
    },
  });
  for await (const message of agent.connect().streamLogs({ container: 'main' })) {
    expect(message.chunk?.data).toHaveLength(65_536);
    // The agent must come to a halt: what it has written stays the same from some moment on.
    let before = -1;
    while (before !== written) {
      before = written;
      await sleep(300);
    }
    break;
  }
  await finished;
  // 1 GiB was to be written; what is on the way is bounded by windows and buffers of both ends.
  expect(written).toBeLessThan(512);
});

test('after close calls are cancelled', async () => {
  await agent.start(info);
  const calling = agent.connect();
  await calling.getInfo();
  calling.close();
  expect((await failure(calling.getInfo())).reason).toBe('CANCELLED');
});
