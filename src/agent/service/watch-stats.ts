import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pidusage from 'pidusage';
import { PodhandError } from '../../wire/errors.ts';
import type { ContainerStats } from '../../wire/generated/podhand/v1/ContainerStats.ts';
import type { ProcessStats } from '../../wire/generated/podhand/v1/ProcessStats.ts';
import type { WatchStatsRequest__Output } from '../../wire/generated/podhand/v1/WatchStatsRequest.ts';
import type { WatchStatsResponse } from '../../wire/generated/podhand/v1/WatchStatsResponse.ts';
import type { CallContext } from '../connection/caller.ts';
import type { StatsRole } from '../executors/roles.ts';
import { type Container, hasEnded } from '../pods/model.ts';
import { containerNamed, roleOf, type ServiceDependencies } from './dependencies.ts';
import { millisecondsOf, timestamp, usageMessage } from './messages.ts';

const leastIntervalMs = 100;
const maxProcesses = 100;

interface Previous {
  readonly cpuSeconds: number;
  /** Of `performance.now()`: the wall clock may be set between two samples. */
  readonly at: number;
}

export async function* watchStats(
  dependencies: ServiceDependencies,
  context: CallContext,
  request: WatchStatsRequest__Output,
): AsyncGenerator<WatchStatsResponse> {
  const stats = roleOf(dependencies, context, 'stats');
  const intervalMs = millisecondsOf(request.interval) ?? 1000;
  if (intervalMs < leastIntervalMs)
    throw new PodhandError('INVALID_REQUEST', `interval must be at least ${leastIntervalMs} ms`);
  const previous = new Map<string, Previous>();
  for (;;) {
    const containers = named(dependencies, context, request);
    const samples = await Promise.all(
      containers.map((container) => sample(stats, container, previous, context.signal)),
    );
    yield { stats: samples.filter((each) => each !== undefined) };
    const running = containers.some((container) => !hasEnded(container));
    if (request.once || (!running && request.containers.length > 0)) return;
    await sleep(intervalMs, undefined, { signal: context.signal });
  }
}

function named(
  dependencies: ServiceDependencies,
  context: CallContext,
  request: WatchStatsRequest__Output,
): Container[] {
  if (request.containers.length === 0) return dependencies.store.containers(context.pod.uid);
  return [...new Set(request.containers)].map((name) => containerNamed(dependencies, context, name));
}

async function sample(
  stats: StatsRole,
  container: Container,
  previous: Map<string, Previous>,
  signal: AbortSignal,
): Promise<ContainerStats | undefined> {
  if (container.state !== 'running') return undefined;
  const taken = await stats.sample(container, signal);
  if (taken === undefined) return undefined;
  const at = performance.now();
  const { cpuSeconds } = taken.usage;
  const before = previous.get(container.id);
  if (cpuSeconds !== undefined) previous.set(container.id, { cpuSeconds, at });
  const cpuCores =
    before === undefined || cpuSeconds === undefined || at <= before.at
      ? undefined
      : Math.max(0, (cpuSeconds - before.cpuSeconds) / ((at - before.at) / 1000));
  return {
    container: container.name,
    time: timestamp(new Date()),
    usage: usageMessage(taken.usage),
    ...(cpuCores !== undefined && { cpuCores }),
    processes: await processes(taken.pids),
  };
}

async function processes(pids: readonly number[]): Promise<ProcessStats[]> {
  if (pids.length === 0) return [];
  // A process may end between the listing and the reading; pidusage then fails for all of them.
  const figures = await Promise.all(pids.slice(0, maxProcesses).map((pid) => pidusage(pid).catch(() => undefined)));
  const known = figures.filter((figure) => figure !== undefined).sort((a, b) => b.memory - a.memory);
  return await Promise.all(
    known.map(async (figure) => ({
      pid: figure.pid,
      command: (await readFile(`/proc/${figure.pid}/comm`, 'utf8').catch(() => '')).trimEnd(),
      cpuPercent: figure.cpu,
      memoryBytes: figure.memory,
    })),
  );
}
