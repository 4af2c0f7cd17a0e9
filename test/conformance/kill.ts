import { describe, expect, test } from 'vitest';
import type { TestPod } from '../node/pods.ts';
import { failure, unary } from '../rpc/agent-under-test.ts';
import { type Flavour, logsOf, of, type Subject, waitFor } from './subject.ts';

export function killConformance(flavour: Flavour, subject: () => Subject): void {
  const forces = flavour.capabilities['kill.sigkill'];
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

    test('several calls at once, of which one is the first: it has ended, for all of them', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', 'trap "exit 7" TERM; echo ready; while :; do sleep 0.1; done');
      await ready(pod, ['main']);
      const request = { containers: ['main'], gracePeriod: { seconds: 20 } };
      const calls = Array.from({ length: 6 }, () => unary(subject().client, 'kill', request, of(pod)));
      for (const { outcomes } of await Promise.all(calls))
        expect(outcomes).toMatchObject([{ finalRecord: { exitCode: 7 } }]);
    });

    test('one signal, once', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', 'trap "echo got; exit 6" USR1; echo ready; while :; do sleep 0.1; done');
      expect(await kill(pod, { containers: ['main'], signal: 'SIGUSR1', once: true })).toMatchObject([
        { result: 'KILL_RESULT_SIGNALLED', signals: ['USR1'] },
      ]);
      expect((await waitFor(subject(), pod, 'main')).exitCode).toBe(6);
    });

    if (forces) forcedKill();
    else refusedKill();

    const running = async (pod: TestPod) => {
      await expect
        .poll(
          async () =>
            (await unary(subject().client, 'listContainers', {}, of(pod))).containers.find(
              ({ name }) => name === 'main',
            )?.state,
          { timeout: 20_000 },
        )
        .toBe('CONTAINER_STATE_RUNNING');
    };

    const several = async (pod: TestPod) => {
      const loop = 'echo ready; while :; do sleep 0.1; done';
      const obeys = await subject().sh(pod, 'obeys', `trap "exit 0" TERM; ${loop}`, { start: false });
      const ignores = await subject().sh(pod, 'ignores', `trap "" TERM; ${loop}`, { start: false });
      await subject().sh(pod, 'ended', 'echo ready; exit 4');
      await obeys.start();
      await ignores.start();
    };

    function forcedKill(): void {
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
        await several(pod);
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

      test('a container of an image without a shell', async () => {
        const pod = await subject().pod();
        await pod.run({ name: 'main', image: 'scratch', command: ['/bin/sleep', '600'] });
        await running(pod);
        const { outcomes } = await unary(
          subject().client,
          'kill',
          { containers: ['main'], gracePeriod: { seconds: 1 } },
          of(pod),
        );
        // TERM ends a program that does nothing about it, unless it is the first one of its pid namespace.
        expect(outcomes).toMatchObject([
          flavour.supervised
            ? { result: 'KILL_RESULT_ENDED_IN_TIME', finalRecord: { exitCode: 143 } }
            : { result: 'KILL_RESULT_FORCED', finalRecord: { exitCode: 137 } },
        ]);
      });
    }

    function refusedKill(): void {
      test('a program that ignores TERM goes on, and that is said', async () => {
        const pod = await subject().pod();
        const main = await subject().sh(pod, 'main', 'trap "" TERM; echo ready; while :; do sleep 0.1; done');
        expect(await failure(kill(pod, { containers: ['main'], gracePeriod: { seconds: 1 } }))).toBe(
          '12 SIGKILL_NOT_OFFERED',
        );
        expect(await main.pid()).toBeGreaterThan(1);
      });

      test('several containers: each is seen to before the call fails', async () => {
        const pod = await subject().pod();
        await several(pod);
        await waitFor(subject(), pod, 'ended');
        const request = { containers: ['ignores', 'obeys', 'ended'], gracePeriod: { seconds: 2 } };
        expect(await failure(kill(pod, request))).toBe('12 SIGKILL_NOT_OFFERED');
        expect((await waitFor(subject(), pod, 'obeys')).exitCode).toBe(0);
      });

      test('grace 0, and KILL by itself, send nothing', async () => {
        const pod = await subject().pod();
        const main = await subject().sh(pod, 'main', 'trap "exit 0" TERM; echo ready; while :; do sleep 0.1; done');
        const request = { containers: ['main'] };
        expect(await failure(kill(pod, { ...request, gracePeriod: { seconds: 0 } }))).toBe('12 SIGKILL_NOT_OFFERED');
        expect(await failure(kill(pod, { ...request, signal: 'KILL', once: true }))).toBe('12 SIGKILL_NOT_OFFERED');
        expect(await main.pid()).toBeGreaterThan(1);
      });

      test('a container of an image without kill', async () => {
        const pod = await subject().pod();
        const main = await pod.run({ name: 'main', image: 'scratch', command: ['/bin/sleep', '600'] });
        await running(pod);
        const call = unary(subject().client, 'kill', { containers: ['main'], gracePeriod: { seconds: 1 } }, of(pod));
        expect(await failure(call)).toBe('9 KILL_NOT_IN_IMAGE');
        expect(await main.pid()).toBeGreaterThan(1);
      });

      test('a pod that shares its process namespace: process 1 is not the container', async () => {
        const pod = await subject().pod({ spec: { shareProcessNamespace: true } });
        await subject().sh(pod, 'main', 'echo ready; exec sleep 600');
        expect(await failure(kill(pod, { containers: ['main'] }))).toBe('9 SHARED_PROCESS_NAMESPACE');
        const { containers } = await unary(subject().client, 'listContainers', {}, of(pod));
        expect(containers).toMatchObject([{ name: 'main', state: 'CONTAINER_STATE_RUNNING' }]);
      });
    }
  });
}
