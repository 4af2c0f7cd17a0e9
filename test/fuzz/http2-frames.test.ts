import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../conformance/subject.ts';
import { footprint } from '../faults/footprint.ts';
import { figure } from '../operations/scrape.ts';
import { type AgentUnderTest, startTestAgent } from '../rpc/agent-under-test.ts';
import { podA, podB } from '../rpc/scripted-executor.ts';
import { Attacker } from './attacker.ts';
import { broken, floods, silences } from './attacks.ts';
import { callFields, emptyMessage, flags, frame, headers, kinds, preface, settings } from './frames.ts';
import { framed, RawCalls } from './raw-calls.ts';

const patience = ['limits.handshake=3s', 'limits.request=4s', 'limits.idle=5s'];
const many = ['limits.callsPerSecondPerPod=1000000', 'limits.callBurstPerPod=1000000'];
/** Of one attack; what it may hold is far below. */
const memorySlackMiB = 100;

let agent: AgentUnderTest;
let metrics: string;
const attackers: Attacker[] = [];
beforeAll(async () => {
  const place = `/tmp/podhand-http2-${process.pid}.sock`;
  metrics = place;
  agent = await startTestAgent(['callers.witness=none', `metrics.listen=unix:${place}`, ...patience, ...many]);
});
afterAll(async () => await agent?.close());
afterEach(async () => {
  for (const attacker of attackers.splice(0)) attacker.end();
  await eventually(async () => (await figure(metrics, 'podhand_connections')) === 0);
  // It lives, and answers the pod that has attacked it as well.
  expect([await asked(podA), await asked(podB)]).toEqual([0, 0]);
  expect(agent.logLines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
});

const socketOf = (pod: typeof podA) => `${agent.directory}/run/pods/${pod.uid}/agent.sock`;
/** What a call on a new connection to the pod's own socket is answered. */
async function asked(pod: typeof podA): Promise<number | undefined> {
  const calls = new RawCalls(socketOf(pod));
  const { code } = await calls.call('/podhand.v1.ExecutorService/GetInfo', framed(Buffer.alloc(0)));
  calls.close();
  return code;
}
async function attack(by: (socket: string) => Promise<Attacker>): Promise<Attacker> {
  const attacker = await by(socketOf(podA));
  attackers.push(attacker);
  return attacker;
}
const ended = async (cause: string) => (await figure(metrics, 'podhand_connections_closed_total', { cause })) ?? 0;

test('a connection that stops to speak is dropped at whatever point, and the neighbour is answered', async () => {
  const causes = Object.values(silences).map(([cause]) => cause);
  const before = new Map<string, number>();
  for (const cause of new Set(causes)) before.set(cause, await ended(cause));
  const held = await Promise.all(
    Object.entries(silences).map(async ([name, [, by]]) => [name, await attack(by)] as const),
  );
  expect(await asked(podB)).toBe(0);
  await expect
    .poll(() => held.filter(([, { closed }]) => !closed).map(([name]) => name), { timeout: 40_000 })
    .toEqual([]);
  for (const [cause, count] of before) {
    expect(`${cause} ${(await ended(cause)) - count}`).toBe(
      `${cause} ${causes.filter((each) => each === cause).length}`,
    );
  }
});

test('a call that is open for longer than that is not idle', async () => {
  const attacker = await attack(Attacker.greeted);
  await attacker.write(
    headers(1, callFields('Wait')),
    frame(kinds.data, 1, 1, Buffer.from([0, 0, 0, 0, 6, 0x0a, 4, ...Buffer.from('main')])),
  );
  const idle = await attack(Attacker.greeted);
  await eventually(async () => idle.closed);
  expect(attacker.closed).toBe(false);
});

test('who has said goodbye is held while it answers, whatever it has broken since', async () => {
  const goodbye = frame(kinds.goaway, 0, 0, Buffer.alloc(8));
  const breaking = frame(kinds.data, 0, 0);
  const calls = new RawCalls(socketOf(podA));
  const waiting = calls.begin('/podhand.v1.ExecutorService/Wait');
  waiting.finish(framed(Buffer.from([0x0a, 4, ...Buffer.from('main')])));
  await eventually(async () => (await figure(metrics, 'podhand_waits')) === 1);
  calls.session.close();
  const attacker = await attack(Attacker.greeted);
  await attacker.write(headers(1), emptyMessage(1), goodbye, breaking);
  await eventually(async () => attacker.closed);
  await sleep(8000);
  expect(await figure(metrics, 'podhand_waits')).toBe(1);
  calls.close();
});

test('who has said goodbye, answers once, and breaks HTTP/2 then, is let go', async () => {
  const attacker = await attack(Attacker.open);
  let answered = 0;
  attacker.socket.on('data', (data) => {
    for (let at = 0; at + 9 <= data.length; at += 9 + data.readUIntBE(at, 3)) {
      if (data[at + 3] !== kinds.settings || data[at + 4] === flags.ack) continue;
      answered += 1;
      void attacker.write(frame(kinds.settings, flags.ack, 0));
      // The first are those with which every server begins.
      if (answered === 2) void attacker.write(frame(kinds.data, 0, 0));
    }
  });
  const goodbye = frame(kinds.goaway, 0, 0, Buffer.alloc(8));
  const waitForMain = frame(kinds.data, 1, 1, Buffer.from([0, 0, 0, 0, 6, 0x0a, 4, ...Buffer.from('main')]));
  await attacker.write(preface, settings(), headers(1, callFields('Wait')), waitForMain, goodbye);
  await eventually(async () => answered >= 2);
  await eventually(async () => attacker.closed);
});

test.each(Object.entries(broken))('what HTTP/2 forbids ends the connection: %s', async (_, by) => {
  const attacker = await attack(by);
  expect(await asked(podB)).toBe(0);
  await eventually(async () => attacker.closed);
});

describe('floods', () => {
  test.each(Object.entries(floods))('%s', async (_, [end, by]) => {
    const { memoryMiB } = footprint(process.pid);
    let most = memoryMiB;
    const watching = setInterval(() => {
      most = Math.max(most, footprint(process.pid).memoryMiB);
    }, 10);
    const under = attack(by).finally(() => clearInterval(watching));
    expect(await asked(podB)).toBe(0);
    const attacker = await under;
    expect(await asked(podB)).toBe(0);
    expect(most - memoryMiB, 'while it goes on').toBeLessThan(memorySlackMiB);
    if (end === 'ends') {
      // Who takes no answers sees the end only when it reads again.
      attacker.socket.resume();
      await eventually(async () => attacker.closed);
    }
    attacker.end();
    await expect
      .poll(() => footprint(process.pid).memoryMiB - memoryMiB, { timeout: 30_000 })
      .toBeLessThan(memorySlackMiB);
  });

  test('answers that nobody takes are made no further than the window', async () => {
    let made = 0;
    agent.executor.logChunks = async function* () {
      for (;;) {
        made += 1;
        yield { stream: 'stdout', data: Buffer.alloc(64 * 1024), cursor: Buffer.from('1') };
      }
    };
    const request = Buffer.from([0, 0, 0, 0, 6, 0x0a, 4, ...Buffer.from('main')]);
    const call = (stream: number) =>
      Buffer.concat([headers(stream, callFields('StreamLogs')), frame(kinds.data, 1, stream, request)]);
    const before = agent.executor.logsEnded;
    const attacker = await attack((socket) => Attacker.greeted(socket, settings([4, 0])));
    await attacker.write(...Array.from({ length: 60 }, (_, at) => call(2 * at + 1)));
    await eventually(async () => (await figure(metrics, 'podhand_open_streams')) === 60);
    expect(await asked(podB)).toBe(0);
    // Four chunks of 64 KiB are on their way for each stream; the next is not pulled.
    await eventually(async () => made >= 60 * 4);
    expect(await asked(podB)).toBe(0);
    expect(made).toBe(60 * 4);
    attacker.end();
    await eventually(async () => agent.executor.logsEnded === before + 60);
  });
});
