import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterRuntime } from '../cluster/places.ts';
import { openCluster } from '../conformance/cluster-flavours.ts';
import type { TestContainer, TestPod } from '../node/pods.ts';
import { ClusterAgent, type OpenedCluster } from './cluster-agent.ts';

export interface RestartedRuntime {
  readonly runtime: ClusterRuntime;
  /** A cluster that nobody else uses. */
  readonly cluster: string;
  readonly executors: readonly RestartedExecutor[];
}

interface RestartedExecutor {
  readonly executor: 'docker' | 'kubelet' | 'pns';
  readonly settings?: string[];
  /** A kubelet whose runtime is away says so within the log, and no more: LOG_LOST is an answer then. */
  readonly mayLoseLogs?: boolean;
}

const waits = 10;
const restarts = 3;
const long = { timeout: 60_000 };
const counting = 'i=0; trap "exit 3" TERM; while :; do i=$((i+1)); echo $i; sleep 0.05; done';

/** The container runtime of a node is ended and started again under open calls, while containers run on. */
export function runtimeRestarts({ runtime, cluster: name, executors }: RestartedRuntime): void {
  let opened: OpenedCluster;
  beforeAll(async () => {
    opened = await openCluster(runtime, { name });
  });
  afterAll(async () => await opened?.close());

  describe.each(executors)(
    `${runtime} restarted under the $executor executor`,
    ({ executor, settings = [], mayLoseLogs = false }) => {
      let agent: ClusterAgent;
      beforeAll(async () => {
        agent = await ClusterAgent.start(opened, executor, settings);
      });
      afterAll(async () => await agent?.close());

      async function counter() {
        const pod = await opened.runtime.pod();
        const main = await pod.run({ name: 'main', command: ['/bin/sh', '-c', counting] });
        await agent.known(pod);
        const waiting = Array.from({ length: waits }, () => exitCode(agent, pod));
        const log = follow(agent, pod);
        await expect.poll(() => log.lines().length, long).toBeGreaterThan(5);
        return { pod, main, waiting, log };
      }

      async function expectRight({ pod, waiting, log }: Awaited<ReturnType<typeof counter>>): Promise<void> {
        for (const codes of await Promise.all(waiting)) expect(codes).toEqual([3]);
        const failure = await log.ended;
        const numbers = log.lines();
        expect(numbers).toEqual(numbers.map((_, at) => at + 1));
        if (failure !== undefined && mayLoseLogs) expect(failure).toMatchObject({ reason: 'LOG_LOST' });
        else {
          expect(failure).toBeUndefined();
          const { kubectl } = opened.cluster;
          const argv = ['logs', `--namespace=${pod.namespace}`, pod.name, '--container=main'];
          // A kubelet may not have its runtime back yet.
          await expect.poll(() => kubectl.must(argv).catch(() => ''), long).toBe(log.text());
        }
      }

      /** Whatever is made once, at the first call of its kind, is there after it. */
      async function warmUp(): Promise<void> {
        const first = await counter();
        await first.main.signal('SIGTERM');
        await expectRight(first);
        await first.pod.remove();
      }

      test('each wait and each followed log has the right end, and nothing is left of them', async () => {
        await warmUp();
        agent.closeClients();
        const before = agent.footprint();
        const during = await counter();
        const after = await counter();
        for (let round = 0; round < restarts; round++) {
          await opened.cluster.runtime.stop({ keepContainers: true });
          if (round === 1) await endsNow(during.main);
          await opened.cluster.runtime.start();
          const reached = after.log.lines().length;
          const goesOn = () => after.log.lines().length > reached + 5 || (mayLoseLogs && after.log.failed());
          await expect.poll(goesOn, { ...long, message: 'the log goes on' }).toBe(true);
        }
        await expectRight(during);
        await after.main.signal('SIGTERM');
        await expectRight(after);
        for (const { pod } of [during, after]) await pod.remove();
        await agent.expectNoLeak(before);
      }, 280_000);
    },
  );
}

async function endsNow(container: TestContainer): Promise<void> {
  await container.signal('SIGTERM');
  const runs = () =>
    container.pid().then(
      () => true,
      () => false,
    );
  await expect.poll(runs, long).toBe(false);
}

/** The exit code of each final record that a Wait gives. */
async function exitCode(agent: ClusterAgent, pod: TestPod): Promise<(number | null | undefined)[]> {
  const codes: (number | null | undefined)[] = [];
  for await (const { result } of agent.client(pod).wait({ containers: ['main'], untilKnown: true }))
    for (const record of result?.records ?? []) codes.push(record.exitCode);
  return codes;
}

function follow(agent: ClusterAgent, pod: TestPod) {
  let text = '';
  let failure: unknown;
  const read = async () => {
    const request = { container: 'main', follow: true, untilKnown: true };
    for await (const { chunk } of agent.client(pod).streamLogs(request)) text += chunk?.data.toString() ?? '';
  };
  return {
    /** How it failed, where it did. */
    ended: read().catch((error: unknown) => {
      failure = error;
      return error;
    }),
    failed: () => failure !== undefined,
    text: () => text,
    lines: () => text.split('\n').slice(0, -1).map(Number),
  };
}
