import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { framed, RawCalls } from '../fuzz/raw-calls.ts';
import { type AgentUnderTest, about, connect, failure, startTestAgent, unary } from './agent-under-test.ts';
import { container, exited, podA } from './scripted-executor.ts';

let agent: AgentUnderTest;
afterEach(async () => await agent?.close());

const start = async (drain: string) => {
  agent = await startTestAgent(['callers.witness=none', `drain=${drain}`]);
};
/** Of both sockets. */
const clients = () => [agent.admin(), connect(`${agent.directory}/run/pods/${podA.uid}/agent.sock`)];
/** A Kill that goes on for as long as its container does. */
async function kills() {
  const request = { containers: ['main'], gracePeriod: { seconds: 600 } };
  const calls = clients().map((client) => unary(client, 'kill', request, about(podA.uid)));
  await expect.poll(() => agent.executor.sent.length).toBe(2);
  return calls;
}

test('a call that has an end goes on to it, and the agent waits for no longer', async () => {
  await start('600s');
  const calls = await kills();
  const stopped = agent.agent.stop();
  // Nobody comes in any more.
  expect(await failure(unary(agent.admin(), 'getInfo', {}, about(podA.uid)))).toMatch(/^14 /);
  agent.executor.put(podA, exited(container(podA, 'main'), 7));
  for (const { outcomes } of await Promise.all(calls))
    expect(outcomes).toMatchObject([{ finalRecord: { exitCode: 7 } }]);
  await stopped;
});

test('one that does not come to its end is told so before the time is over', async () => {
  await start('3s');
  const ends = (await kills()).map((call) => failure(call));
  const since = performance.now();
  await agent.agent.stop();
  expect(await Promise.all(ends)).toEqual(['14 AGENT_STOPPING', '14 AGENT_STOPPING']);
  expect(performance.now() - since).toBeGreaterThan(1900);
});

test('calls without an end are told to call again at once', async () => {
  await start('600s');
  agent.executor.logChunks = async function* (signal) {
    yield { stream: 'stdout', data: Buffer.from('x'), cursor: Buffer.from('1') };
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  const calls = clients().flatMap((client) => [
    client.wait({ containers: ['main'] }, about(podA.uid)),
    client.streamLogs({ container: 'main', follow: true }, about(podA.uid)),
  ]);
  await Promise.all(calls.map((call) => once(call, 'data')));
  const ends = calls.map((call) => failure(call as AsyncIterable<unknown>));
  await agent.agent.stop();
  expect(await Promise.all(ends)).toEqual(calls.map(() => '14 AGENT_STOPPING'));
});

test('one whose request comes while the agent drains is told so, too', async () => {
  await start('600s');
  const calls = new RawCalls(`${agent.directory}/run/pods/${podA.uid}/agent.sock`);
  const late = calls.begin('/podhand.v1.ExecutorService/Wait');
  // Once the next call is answered, the agent has begun this one.
  await calls.call('/podhand.v1.ExecutorService/GetInfo', framed(Buffer.alloc(0)));
  const stopped = agent.agent.stop();
  late.finish(framed(Buffer.from([0x0a, 4, ...Buffer.from('main')])));
  expect(await late.answer).toMatchObject({ code: 14, reason: 'AGENT_STOPPING' });
  await stopped;
  calls.close();
});
