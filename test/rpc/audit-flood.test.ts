import { Metadata } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AgentUnderTest, connect, failure, startTestAgent, unary } from './agent-under-test.ts';
import { podA, podB } from './scripted-executor.ts';

let agent: AgentUnderTest;
let clients: ReturnType<typeof connect>[];
const start = (limit: string) => startTestAgent(['callers.witness=none', 'limits.callsPerSecondPerPod=20', limit]);
beforeEach(async () => {
  agent = await start('limits.callBurstPerPod=200');
  clients = [];
});
afterEach(async () => {
  for (const client of clients) client.close();
  await agent.close();
});

const client = (pod: typeof podA) => {
  const made = connect(`${agent.directory}/run/pods/${pod.uid}/agent.sock`);
  clients.push(made);
  return made;
};
const madeUp = Array.from({ length: 64 }, (_, at) => `${at}-${'x'.repeat(200)}`);
const signalled = { signal: 'USR1', once: true };
const audit = () => agent.logLines.filter((line) => line.audit === true);
const leftOut = () => audit().flatMap((line) => (typeof line.leftOut === 'number' ? [line.leftOut] : []));

/** How many of so many Kills of containers that are not there were answered with what. */
async function flood(of: typeof podA, calls: number): Promise<Map<string, number>> {
  const by = client(of);
  const answers = new Map<string, number>();
  for (let at = 0; at < calls; at++) {
    const answer = await failure(unary(by, 'kill', { containers: madeUp, ...signalled }, new Metadata()));
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }
  return answers;
}

describe('a flood of Kills with 64 made-up names', () => {
  test('has ten lines and a count, and what was done amid it has its line', async () => {
    const by = client(podA);
    const since = performance.now();
    const before = await flood(podA, 100);
    expect(await failure(unary(by, 'kill', { containers: ['main'], ...signalled }, new Metadata()))).toBe('OK');
    const after = await flood(podA, 250);
    expect(before).toEqual(new Map([['5 CONTAINER_NOT_FOUND', 100]]));
    expect(after.get('8 TOO_MANY_CALLS')).toBeGreaterThan(20);
    expect([...after.values()].reduce((sum, count) => sum + count)).toBe(250);

    expect(agent.executor.sent).toEqual(['main 10']);
    const done = audit().filter(({ signals }) => signals !== undefined);
    expect(done).toMatchObject([{ container: 'main', signals: ['USR1'], outcome: 'OK', podUid: podA.uid }]);
    const undone = () => audit().filter((line) => line.signals === undefined && line.leftOut === undefined);
    const told = () => undone().length + leftOut().reduce((sum, count) => sum + count, 0);
    await expect.poll(told, { timeout: 15_000 }).toBe(350);
    expect(undone().length).toBeLessThanOrEqual(10 * (1 + Math.floor((performance.now() - since) / 10_000)));
    expect(undone()[0]).toMatchObject({ container: madeUp[0], named: 64, outcome: 'CONTAINER_NOT_FOUND' });
    expect(audit().find((line) => line.leftOut !== undefined)).toMatchObject({
      podUid: podA.uid,
      peer: { kind: 'pod' },
    });
  }, 40_000);

  test('takes no line of its neighbour, and what was left out is told by an agent that stops', async () => {
    await flood(podA, 60);
    await flood(podB, 1);
    expect(audit().filter(({ podUid }) => podUid === podB.uid)).toHaveLength(1);
    await agent.agent.stop();
    expect(leftOut()).toEqual([50]);
  });

  test('of signals that are sent has every line', async () => {
    const by = client(podA);
    for (let at = 0; at < 60; at++)
      expect(await failure(unary(by, 'kill', { containers: ['main'], ...signalled }, new Metadata()))).toBe('OK');
    expect(audit().map(({ signals }) => signals)).toEqual(Array.from({ length: 60 }, () => ['USR1']));
  });

  test('that is refused for its pace says whose pod it is', async () => {
    await agent.close();
    agent = await start('limits.callBurstPerPod=1');
    await flood(podA, 2);
    expect(audit()).toMatchObject([
      { outcome: 'CONTAINER_NOT_FOUND', podUid: podA.uid, pod: 'default/a' },
      { outcome: 'TOO_MANY_CALLS', podUid: podA.uid, container: madeUp[0], named: 64 },
    ]);
  });
});
