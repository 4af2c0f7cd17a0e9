import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../conformance/subject.ts';
import { type BegunCall, framed, RawCalls } from '../fuzz/raw-calls.ts';
import { type AgentUnderTest, startTestAgent } from './agent-under-test.ts';
import { podA, podB } from './scripted-executor.ts';

/** Each of them holds what has come of its request: they are counted over all connections of a pod. */
const most = 8;
const method = '/podhand.v1.ExecutorService/GetInfo';
const whole = framed(Buffer.alloc(0));
const refused = { code: 8, reason: 'TOO_MANY_CALLS' };

let agent: AgentUnderTest;
beforeAll(async () => {
  const rates = ['limits.callsPerSecondPerPod=1000000', 'limits.callBurstPerPod=1000000'];
  agent = await startTestAgent([
    `limits.streamsPerPod=${most}`,
    'limits.request=600s',
    'callers.witness=none',
    ...rates,
  ]);
});
afterAll(async () => await agent?.close());
const sessions: RawCalls[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.close();
});
function session(pod: typeof podA): RawCalls {
  const calls = new RawCalls(`${agent.directory}/run/pods/${pod.uid}/agent.sock`);
  sessions.push(calls);
  return calls;
}
const begin = (calls: RawCalls, count: number) => Array.from({ length: count }, () => calls.begin(method));
const asked = (calls: RawCalls) => calls.call(method, whole);
/** Those that have been answered, after everything that was sent before has come to the agent. */
async function answered(calls: readonly BegunCall[], over: readonly RawCalls[]): Promise<number> {
  let count = 0;
  for (const { answer } of calls) void answer.then(() => count++);
  for (const each of over) await asked(each);
  return count;
}

test('a pod has no more unfinished requests than it may have streams, over all its connections', async () => {
  const [one, other] = [session(podA), session(podA)];
  const held = begin(one, most - 2);
  expect(await asked(one)).toMatchObject({ code: 0 });
  const more = begin(other, most - 2);
  // Two of the second connection fit, the others are refused at once.
  expect(await answered(held, [one, other])).toBe(0);
  expect(await answered(more, [one, other])).toBe(most - 4);
  for (const { answer } of more.slice(2)) expect(await answer).toMatchObject(refused);
  expect(await asked(one)).toMatchObject(refused);
  expect(await asked(session(podA))).toMatchObject(refused);
  expect(await asked(session(podB)), 'the neighbour has places of its own').toMatchObject({ code: 0 });

  // What ends frees its place, by its own end or by that of its connection.
  held[0]?.finish(whole);
  expect(await held[0]?.answer).toMatchObject({ code: 0 });
  expect(await asked(one)).toMatchObject({ code: 0 });
  begin(one, 1);
  expect(await asked(one)).toMatchObject(refused);
  other.close();
  await eventually(async () => (await asked(one)).code === 0);
});

test.each<[string, (calls: RawCalls, held: readonly BegunCall[]) => void]>([
  ['a connection that goes', (calls) => calls.close()],
  ['a request that is reset', (_, held) => held.forEach((call) => void call.reset())],
])('%s leaves no unfinished request behind, however often', async (_, end) => {
  const asking = session(podA);
  for (let round = 0; round < 20; round++) {
    const calls = session(podA);
    const held = begin(calls, most);
    await eventually(async () => (await asked(asking)).code === 8);
    end(calls, held);
    for (const { answer } of held) expect((await answer).code).toBeUndefined();
    await eventually(async () => (await asked(asking)).code === 0);
  }
});
