import { setTimeout as sleep } from 'node:timers/promises';
import { openCluster } from '../test/conformance/cluster-flavours.ts';
import { ClusterAgent, type OpenedCluster } from '../test/faults/cluster-agent.ts';
import { PodFleet } from '../test/faults/pod-fleet.ts';
import { podLists, podQueries } from '../test/faults/served-requests.ts';
import { figures } from './figures.ts';
import { cpuMs, rssMiB } from './process-load.ts';
import type { Report } from './report.ts';
import type { Sizes } from './sizes.ts';
import type { Stand } from './stand.ts';

const executors = ['kubelet', 'k8sapi'] as const;
/** Some polls of an agent, which asks once a second. */
const windowMs = 10_000;

interface Load {
  readonly kubeletCalls: number;
  readonly apiCalls: number;
  readonly cpu: number;
  readonly memory: number;
}

/** What a Wait in each of many real pods costs kubelet, API server and agent: beside the same pods without. */
export async function benchManyPods(_: Stand, report: Report, { pods, rounds }: Sizes): Promise<void> {
  const opened = await openCluster('containerd', { name: 'bench' });
  try {
    report.note(`starting ${pods} pods`);
    const fleet = await PodFleet.start(opened, pods);
    for (const [at, executor] of executors.entries()) {
      const agent = await ClusterAgent.start(opened, executor, ['callers.witness=none']);
      try {
        for (const pod of fleet.pods) await agent.known(pod);
        // What their discovery has cost is no load of theirs.
        await sleep(windowMs);
        const without = await loads(opened, agent, rounds);
        const { answers } = await fleet.openWaits(agent);
        // The last executor's waits are seen to their end; the others' end with their clients.
        const isLast = at === executors.length - 1;
        if (!isLast) answers.catch(() => undefined);
        const waiting = await loads(opened, agent, rounds);
        add(report, executor, pods, waiting, without);
        if (isLast) {
          await fleet.end();
          const right = (await answers).filter(([code, ...more]) => code === 3 && more.length === 0).length;
          report.note(`${right} of ${pods} waits had their one final record`);
        }
      } finally {
        await agent.close();
      }
    }
  } finally {
    await opened.close();
  }
}

async function loads(opened: OpenedCluster, agent: ClusterAgent, rounds: number): Promise<Load[]> {
  const taken: Load[] = [];
  for (let round = 0; round < Math.min(3, rounds); round += 1) taken.push(await load(opened, agent));
  return taken;
}

async function load({ cluster }: OpenedCluster, { process: { pid } }: ClusterAgent): Promise<Load> {
  const now = async () => ({
    kubelet: await podLists(cluster),
    api: await podQueries(cluster),
    cpu: cpuMs(pid),
    at: performance.now(),
  });
  const before = await now();
  await sleep(windowMs);
  const after = await now();
  const seconds = (after.at - before.at) / 1000;
  return {
    kubeletCalls: (after.kubelet - before.kubelet) / seconds,
    apiCalls: (after.api - before.api) / seconds,
    cpu: (after.cpu - before.cpu) / seconds / 10,
    memory: rssMiB(pid),
  };
}

function add(report: Report, executor: string, pods: number, waiting: readonly Load[], without: readonly Load[]): void {
  const rows = [
    ['calls to the kubelet', 'calls/s', 'kubeletCalls'],
    ['lists and watches at the API server', 'calls/s', 'apiCalls'],
    ['CPU of the agent, of one core', '%', 'cpu'],
    ['memory of the agent', 'MiB', 'memory'],
  ] as const;
  for (const [what, unit, of] of rows) {
    const isCalls = unit === 'calls/s';
    report.add({
      what: `${what}, ${pods} pods, a wait in each, ${executor} executor`,
      peer: 'no wait',
      unit,
      podhand: figures(waiting.map((each) => each[of])),
      against: figures(without.map((each) => each[of])),
      // A call more or less in ten seconds is none for each wait.
      ...(isCalls && { goals: [{ of: 'p50' as const, moreAtMost: 0.2 }] }),
    });
  }
}
