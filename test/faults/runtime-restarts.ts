import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterRuntime } from '../cluster/places.ts';
import { openCluster } from '../conformance/cluster-flavours.ts';
import type { TestContainer, TestPod } from '../node/pods.ts';
import { ClusterAgent, type OpenedCluster } from './cluster-agent.ts';
import { agentFootprint, expectAgentLeaksNothing } from './footprint.ts';

export interface RestartedRuntime {
  readonly runtime: ClusterRuntime;
  /** A cluster that nobody else uses. */
  readonly cluster: string;
  readonly executors: readonly RestartedExecutor[];
}

interface RestartedExecutor {
  readonly executor: 'docker' | 'kubelet' | 'pns';
  readonly settings?: string[];
  /** It knows only what the kubelet tells: an unknown exit where containerd lost a container that ended meanwhile. */
  readonly isSecondHand?: boolean;
}

/** An exit code, or what a record says that has none. */
type Ending = number | 'unknown';

interface Counter {
  readonly pod: TestPod;
  readonly main: TestContainer;
  readonly waiting: readonly Promise<Ending[]>[];
  readonly log: ReturnType<typeof follow>;
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
    ({ executor, settings = [], isSecondHand = false }) => {
      let agent: ClusterAgent;
      beforeAll(async () => {
        agent = await ClusterAgent.start(opened, executor, settings);
      });
      afterAll(async () => await agent?.close());

      async function counter(): Promise<Counter> {
        const pod: TestPod = await opened.runtime.pod();
        const main = await pod.run({ name: 'main', command: ['/bin/sh', '-c', counting] });
        await agent.known(pod);
        const waiting = Array.from({ length: waits }, () => endings(agent, pod));
        const log = follow(agent, pod);
        await expect.poll(() => log.lines().length, long).toBeGreaterThan(5);
        return { pod, main, waiting, log };
      }

      async function expectRight({ pod, waiting, log }: Counter, allowed: readonly Ending[] = [3]): Promise<void> {
        const [first = [], ...others] = await Promise.all(waiting);
        expect(first).toHaveLength(1);
        expect(allowed).toContain(first[0]);
        for (const other of others) expect(other).toEqual(first);
        const failure = await log.ended;
        const numbers = log.lines();
        expect(numbers).toEqual(numbers.map((_, at) => at + 1));
        expect(failure).toBeUndefined();
        const { kubectl } = opened.cluster;
        const argv = ['logs', `--namespace=${pod.namespace}`, pod.name, '--container=main'];
        // A kubelet may not have its runtime back yet.
        await expect.poll(() => kubectl.must(argv).catch(() => ''), long).toBe(log.text());
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
        const before = await agentFootprint(agent);
        const during = await counter();
        const after = await counter();
        for (let round = 0; round < restarts; round++) {
          await opened.cluster.runtime.stop({ keepContainers: true });
          if (round === 1) await endsNow(during.main);
          await opened.cluster.runtime.start();
          const reached = after.log.lines().length;
          const goesOn = () => after.log.lines().length > reached + 5;
          await expect.poll(goesOn, { ...long, message: 'the log goes on' }).toBe(true);
        }
        await expectRight(during, isSecondHand ? [3, 'unknown'] : [3]);
        await after.main.signal('SIGTERM');
        await expectRight(after);
        for (const { pod } of [during, after]) await pod.remove();
        await expectAgentLeaksNothing(agent, before);
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

/** What each final record that a Wait gives says of the end. */
async function endings(agent: ClusterAgent, pod: TestPod): Promise<Ending[]> {
  const told: Ending[] = [];
  for await (const { result } of agent.client(pod).wait({ containers: ['main'], untilKnown: true }))
    for (const { exitKnown, exitCode } of result?.records ?? []) told.push(exitKnown ? (exitCode ?? 0) : 'unknown');
  return told;
}

function follow(agent: ClusterAgent, pod: TestPod) {
  let text = '';
  const read = async () => {
    const request = { container: 'main', follow: true, untilKnown: true };
    for await (const { chunk } of agent.client(pod).streamLogs(request)) text += chunk?.data.toString() ?? '';
  };
  return {
    /** How it failed, where it did. */
    ended: read().catch((error: unknown) => error),
    text: () => text,
    lines: () => text.split('\n').slice(0, -1).map(Number),
  };
}
