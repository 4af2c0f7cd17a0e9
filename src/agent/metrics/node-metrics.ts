import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';

/** What the agent as a process shows: event-loop delay, memory, CPU, open descriptors of held containers. */
export function registerProcessMetrics(registry: Registry, held: () => number): () => void {
  const registers = [registry];
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  new Gauge({
    name: 'podhand_event_loop_delay_seconds',
    help: 'Event-loop delay since the last scrape.',
    labelNames: ['quantile'],
    registers,
    collect() {
      for (const quantile of [50, 99, 100])
        this.set({ quantile: String(quantile / 100) }, delay.percentile(quantile) / 1e9);
      delay.reset();
    },
  });
  new Gauge({
    name: 'podhand_memory_bytes',
    help: 'Memory of the agent.',
    labelNames: ['kind'],
    registers,
    collect() {
      const { rss, heapUsed, external } = process.memoryUsage();
      this.set({ kind: 'rss' }, rss);
      this.set({ kind: 'heap' }, heapUsed);
      this.set({ kind: 'external' }, external);
    },
  });
  new Gauge({
    name: 'podhand_cpu_seconds',
    help: 'CPU time of the agent.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.set((user + system) / 1e6);
    },
  });
  new Gauge({
    name: 'podhand_held_containers',
    help: 'Containers whose process, root and mount namespace are held.',
    registers,
    collect() {
      this.set(held());
    },
  });
  return () => delay.disable();
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
