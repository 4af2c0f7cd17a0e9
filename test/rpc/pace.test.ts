import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../conformance/subject.ts';
import { Attacker } from '../fuzz/attacker.ts';
import { framed, RawCalls } from '../fuzz/raw-calls.ts';
import { figure } from '../operations/scrape.ts';
import { type AgentUnderTest, startWithLimits } from './agent-under-test.ts';
import { podA, podB } from './scripted-executor.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const closer of closers.splice(0).reverse()) await closer();
});

let agent: AgentUnderTest;
const metrics = `/tmp/podhand-pace-${process.pid}.sock`;
async function start(...limits: string[]): Promise<void> {
  agent = await startWithLimits(metrics, limits);
  const { close } = agent;
  closers.push(() => close());
}
const socketOf = (pod: typeof podA) => `${agent.directory}/run/pods/${pod.uid}/agent.sock`;
function session(pod: typeof podA): RawCalls {
  const calls = new RawCalls(socketOf(pod));
  closers.push(() => calls.close());
  return calls;
}
const getInfo = '/podhand.v1.ExecutorService/GetInfo';
const ask = (calls: RawCalls, path = getInfo) => calls.call(path, framed(Buffer.alloc(0)));

describe('connections', () => {
  const open = async (count: number) => {
    for (let at = 0; at < count; at++) (await Attacker.open(socketOf(podA))).end();
  };

  test('of one pod are accepted at its pace, those of its neighbour at once', async () => {
    await start('connectionsPerSecondPerPod=1', 'connectionsPerPod=8');
    const since = performance.now();
    await open(100);
    expect((await ask(session(podB))).code).toBe(0);
    const accepted = await figure(metrics, 'podhand_connections_closed_total');
    expect(accepted).toBeGreaterThanOrEqual(8);
    expect(accepted).toBeLessThanOrEqual(8 + 1 + (performance.now() - since) / 1000);
  });

  test('that waited are accepted in their turn', async () => {
    await start('connectionsPerSecondPerPod=50', 'connectionsPerPod=8');
    await open(100);
    expect((await ask(session(podA))).code).toBe(0);
    expect(await figure(metrics, 'podhand_connections_closed_total', { cause: 'client' })).toBeGreaterThanOrEqual(100);
  });
});

describe('calls without pause', () => {
  // Of which the agent's own handlers see the first only.
  test.each([getInfo, '/grpc.health.v1.Health/Check', '/none/None'])('to %s end their connection', async (path) => {
    await start('callsPerSecondPerPod=5', 'callBurstPerPod=10');
    const calm = session(podA);
    const waiting = calm.call(
      '/podhand.v1.ExecutorService/Wait',
      framed(Buffer.from([0x0a, 4, ...Buffer.from('main')])),
    );
    let waits = true;
    void waiting.then(() => {
      waits = false;
    });
    await eventually(async () => (await figure(metrics, 'podhand_open_streams')) === 1);
    const flooding = session(podA);
    for (let calls = 0; calls < 5000 && !flooding.session.closed; calls += 20) {
      await Promise.all(Array.from({ length: 20 }, () => ask(flooding, path)));
    }
    expect(flooding.session.closed).toBe(true);
    await eventually(
      async () => (await figure(metrics, 'podhand_connections_closed_total', { cause: 'flooding' })) === 1,
    );
    const since = performance.now();
    let answered = 0;
    for (let again = 0; again < 4; again++) void ask(session(podA)).then(() => answered++);
    for (let asked = 0; asked < 8; asked++) expect((await ask(session(podB))).code).toBe(0);
    // One may be accepted before the listener rests, which it does for five seconds.
    const late = performance.now() - since > 5000;
    expect(late ? 0 : answered).toBeLessThanOrEqual(1);
    expect(waits, 'another connection of the pod goes on').toBe(true);
    expect([0, 8]).toContain((await ask(calm)).code);
  });

  test('that are refused fill no log', async () => {
    await start('callsPerSecondPerPod=1', 'callBurstPerPod=1');
    let refused = 0;
    for (let connection = 0; connection < 4; connection++) {
      const calls = session(podA);
      // Of more the connection would be ended.
      for (let call = 0; call < 12; call++) if ((await ask(calls)).code === 8) refused++;
    }
    expect(refused).toBeGreaterThan(20);
    const told = agent.logLines.filter(({ msg }) => msg === 'call refused: too many');
    expect(told.length).toBe(10);
    expect(told[0]).toMatchObject({ pod: podA.uid, rpc: 'GetInfo', code: 8 });
    expect(await figure(metrics, 'podhand_calls_total', { reason: 'TOO_MANY_CALLS' })).toBe(refused);
  });
});
