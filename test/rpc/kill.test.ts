import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { attackOn } from '../attacks/attack.ts';
import { type AgentUnderTest, about, failure, startTestAgent, unary } from './agent-under-test.ts';
import { container, exited, podA } from './scripted-executor.ts';

const attack = attackOn('shared');

let agent: AgentUnderTest;
beforeEach(async () => {
  agent = await startTestAgent();
});
afterEach(async () => await agent.close());

const a = () => about('default/a');
const stopping = { container: '', containers: ['main'], signal: '', once: false };

describe('Kill', () => {
  const main = container(podA, 'main');
  const stop = async (gracePeriod: { seconds: number; nanos?: number }) => {
    const client = agent.admin();
    return (await unary(client, 'kill', { ...stopping, gracePeriod }, a())).outcomes?.[0];
  };

  test('a program that obeys TERM ends in time', async () => {
    agent.executor.onSignal = () => agent.executor.put(podA, exited(main, 143));
    expect(await stop({ seconds: 10 })).toMatchObject({
      result: 'KILL_RESULT_ENDED_IN_TIME',
      signals: ['TERM'],
      finalRecord: { exitCode: 143 },
    });
  });

  test('a program that ignores TERM is killed after the grace period', async () => {
    agent.executor.onSignal = (_, number) => number === 9 && agent.executor.put(podA, exited(main, 137));
    expect(await stop({ seconds: 0, nanos: 5e7 })).toMatchObject({
      result: 'KILL_RESULT_FORCED',
      signals: ['TERM', 'KILL'],
      finalRecord: { exitCode: 137 },
    });
    expect(agent.executor.sent).toEqual(['main 15', 'main 9']);
  });

  test('grace 0 kills at once', async () => {
    agent.executor.onSignal = () => agent.executor.put(podA, exited(main, 137));
    expect(await stop({ seconds: 0 })).toMatchObject({ result: 'KILL_RESULT_FORCED', signals: ['KILL'] });
  });

  test('a container that has ended is not an error', async () => {
    agent.executor.put(podA, exited(main, 0));
    expect(await stop({ seconds: 1 })).toMatchObject({ result: 'KILL_RESULT_ALREADY_GONE', signals: [] });
    expect(agent.executor.sent).toEqual([]);
  });

  test('a cancelled call sends no further signal', async () => {
    const client = agent.admin();
    const call = client.kill({ ...stopping, gracePeriod: { seconds: 0, nanos: 2e8 } }, a(), () => undefined);
    await new Promise((resolve) => setTimeout(resolve, 80));
    call.cancel();
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(agent.executor.sent).toEqual(['main 15']);
  });

  attack.each(['9999', 'SEGV', 'STKFLT', '-1', '0', 'KILL;rm'].map((signal) => [signal] as const))(
    53,
    'signal %s is refused',
    async (signal) => {
      const client = agent.admin();
      expect(await failure(unary(client, 'kill', { ...stopping, signal }, a()))).toBe('3 INVALID_SIGNAL');
    },
  );
});
