import { readdirSync, readFileSync } from 'node:fs';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Limits } from '../config/schema.ts';
import type { ExecutorSet } from '../executors/roles.ts';
import { gauge, gauges } from './gauges.ts';

/** What the agent as a process shows: memory, CPU, descriptors, and since when. */
export function registerProcessMetrics(registry: Registry, version: string): void {
  const build = new Gauge({
    name: 'podhand_build_info',
    help: 'Always 1.',
    labelNames: ['version', 'node_version'],
    registers: [registry],
  });
  build.set({ version, node_version: process.version }, 1);
  const startedAt = Math.round(Date.now() / 1000 - process.uptime());
  gauge(registry, 'podhand_start_time_seconds', 'When the agent was started, in seconds since 1970.', () => startedAt);
  gauges(registry, 'podhand_memory_bytes', 'Memory of the agent.', 'kind', () => {
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rss, heap: heapUsed, external };
  });
  gauge(registry, 'podhand_cpu_seconds', 'CPU time of the agent.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gauge(registry, 'podhand_open_descriptors', 'Open descriptors.', () => readdirSync('/proc/self/fd').length);
  gauge(registry, 'podhand_max_descriptors', 'Descriptors that the agent may have open.', maxDescriptors);
}

/** What stands on the runtime: connections to it, held containers, readers, and the limits that they are measured by. */
export function registerExecutorMetrics(registry: Registry, executors: ExecutorSet, limits: Limits): void {
  gauge(registry, 'podhand_held_containers', 'Containers whose process, root and mount namespace are held.', () =>
    executors.heldCount(),
  );
  gauges(registry, 'podhand_runtime_connected', '1 while the executor has its source of pods.', 'executor', () =>
    Object.fromEntries(
      [...executors.byName.values()].map(({ name, containers }) => [name, containers.connected ? 1 : 0]),
    ),
  );
  gauges(
    registry,
    'podhand_readers',
    'File readers at work, transfers that wait for one, and readers that a file does not let go.',
    'state',
    () => ({ ...executors.readers() }),
  );
  const { readers, connections, streams } = limits;
  gauges(registry, 'podhand_limit', 'What the configuration allows on the node.', 'limit', () => ({
    readers,
    connections,
    streams,
  }));
}

/** Errors of the executor's own dealings with the runtime, by executor and role. */
export function executorErrors(registry: Registry): Counter<'executor' | 'reason'> {
  return new Counter({
    name: 'podhand_executor_errors_total',
    help: 'Calls that failed in the executor, by executor and reason.',
    labelNames: ['executor', 'reason'],
    registers: [registry],
  });
}

/** The soft limit; infinite where there is none. */
function maxDescriptors(): number {
  const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}
