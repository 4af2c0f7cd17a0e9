import { afterEach, beforeEach, expect } from 'vitest';
import { type AgentUnderTest, about, failure, startTestAgent, unary } from '../rpc/agent-under-test.ts';
import { podA } from '../rpc/scripted-executor.ts';
import { attackOn } from './attack.ts';

const attack = attackOn('shared');

let agent: AgentUnderTest;
beforeEach(async () => {
  agent = await startTestAgent(['limits.streamsPerPod=4']);
});
afterEach(async () => await agent.close());
const answers = async () => await failure(unary(agent.admin(), 'getInfo', {}, about(podA.uid)));

attack(50, '80 kB of metadata are refused, and the next call is answered', async () => {
  const metadata = about(podA.uid);
  metadata.set('x-large', 'x'.repeat(80_000));
  expect(await failure(unary(agent.admin(), 'getInfo', {}, metadata))).toMatch(/^(8|13|14) /);
  expect(await answers()).toBe('OK');
});

attack.each([
  ['70,000', 70_000],
  ['5,000,000', 5_000_000],
])(50, 'a request of %s bytes is refused, and the next call is answered', async (_, bytes) => {
  const path = Buffer.alloc(bytes, '/x');
  const call = agent.admin().readFile({ container: 'main', path }, about(podA.uid));
  expect(await failure(call)).toMatch(/^8 /);
  expect(await answers()).toBe('OK');
});

attack(
  48,
  '12 streams where 4 are allowed: 4 run, 8 are refused, and a place that is left is taken again',
  async () => {
    agent.executor.logChunks = async function* (signal) {
      yield { stream: 'stdout', data: Buffer.from('x'), cursor: Buffer.from('1') };
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const streams = Array.from({ length: 12 }, () => agent.admin().streamLogs({ container: 'main' }, about(podA.uid)));
    for (const stream of streams) stream.on('error', () => undefined);
    const first = await Promise.all(
      streams.map(async (stream) => await failure(stream[Symbol.asyncIterator]().next() as Promise<unknown>)),
    );
    expect(first.filter((result) => result === 'OK')).toHaveLength(4);
    expect(first.filter((result) => result === '8 TOO_MANY_CALLS')).toHaveLength(8);
    for (const stream of streams) stream.cancel();
    await expect.poll(() => agent.executor.logsEnded).toBe(4);
    const again = agent.admin().streamLogs({ container: 'main' }, about(podA.uid));
    again.on('error', () => undefined);
    expect(await failure(again[Symbol.asyncIterator]().next() as Promise<unknown>)).toBe('OK');
    again.cancel();
  },
);
