import { describe, expect, test } from 'vitest';
import type { TestPod } from '../node/pods.ts';
import { unary } from '../rpc/agent-under-test.ts';
import { logsOf, of, type Subject, waitFor } from './subject.ts';

export function killConformance(subject: () => Subject): void {
  const kill = async (
    pod: TestPod,
    request: { containers: string[]; gracePeriod?: object; signal?: string; once?: boolean },
  ) => {
    await ready(pod, request.containers);
    return (await unary(subject().client, 'kill', request, of(pod))).outcomes;
  };
  // The program says so once its traps are set.
  const ready = async (pod: TestPod, names: string[]) => {
    for (const container of names) {
      await expect
        .poll(async () => (await logsOf(subject(), pod, { container })).stdout.toString(), { timeout: 20_000 })
        .toContain('ready');
    }
  };

  describe('kill', () => {
    test('a program that obeys TERM ends in time, with its own exit code', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', 'trap "exit 7" TERM; echo ready; while :; do sleep 0.1; done');
      expect(await kill(pod, { containers: ['main'], gracePeriod: { seconds: 20 } })).toMatchObject([
        { result: 'KILL_RESULT_ENDED_IN_TIME', signals: ['TERM'], finalRecord: { exitCode: 7 } },
      ]);
    });

    test('a program that ignores TERM is forced, and is gone when the answer comes', async () => {
      const pod = await subject().pod();
      const main = await subject().sh(pod, 'main', 'trap "" TERM; echo ready; while :; do sleep 0.1; done');
      expect(await kill(pod, { containers: ['main'], gracePeriod: { seconds: 1 } })).toMatchObject([
        { result: 'KILL_RESULT_FORCED', signals: ['TERM', 'KILL'], finalRecord: { exitCode: 137 } },
      ]);
      expect(await main.exited()).toEqual({ exitCode: 137 });
    });

    test('several containers, each with its own answer', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'obeys', 'trap "exit 0" TERM; echo ready; while :; do sleep 0.1; done');
      await subject().sh(pod, 'ignores', 'trap "" TERM; echo ready; while :; do sleep 0.1; done');
      await subject().sh(pod, 'ended', 'echo ready; exit 4');
      await waitFor(subject(), pod, 'ended');
      const outcomes = await kill(pod, { containers: ['obeys', 'ignores', 'ended'], gracePeriod: { seconds: 2 } });
      expect(outcomes.map(({ container, result }) => [container, result])).toEqual([
        ['obeys', 'KILL_RESULT_ENDED_IN_TIME'],
        ['ignores', 'KILL_RESULT_FORCED'],
        ['ended', 'KILL_RESULT_ALREADY_GONE'],
      ]);
      expect(outcomes[2]?.finalRecord?.exitCode).toBe(4);
    });

    test('grace 0 is KILL at once', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', 'trap "exit 0" TERM; echo ready; while :; do sleep 0.1; done');
      expect(await kill(pod, { containers: ['main'], gracePeriod: { seconds: 0 } })).toMatchObject([
        { result: 'KILL_RESULT_FORCED', signals: ['KILL'], finalRecord: { exitCode: 137 } },
      ]);
    });

    test('one signal, once', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', 'trap "echo got; exit 6" USR1; echo ready; while :; do sleep 0.1; done');
      expect(await kill(pod, { containers: ['main'], signal: 'SIGUSR1', once: true })).toMatchObject([
        { result: 'KILL_RESULT_SIGNALLED', signals: ['USR1'] },
      ]);
      expect((await waitFor(subject(), pod, 'main')).exitCode).toBe(6);
    });

    test('a container of an image without a shell', async () => {
      const pod = await subject().pod();
      await pod.run({ name: 'main', image: 'scratch', command: ['/bin/sleep', '600'] });
      await expect
        .poll(async () => (await unary(subject().client, 'listContainers', {}, of(pod))).containers[0]?.state, {
          timeout: 20_000,
        })
        .toBe('CONTAINER_STATE_RUNNING');
      const { outcomes } = await unary(
        subject().client,
        'kill',
        { containers: ['main'], gracePeriod: { seconds: 1 } },
        of(pod),
      );
      expect(outcomes).toMatchObject([{ result: 'KILL_RESULT_FORCED', finalRecord: { exitCode: 137 } }]);
    });
  });
}
