import type { ContainerStats__Output } from '../../wire/generated/podhand/v1/ContainerStats.ts';
import { formatBytes } from '../../wire/quantity.ts';
import { table } from './table.ts';

export type SortKey = 'cpu' | 'memory';

/** The same containers, the one that uses most first. */
export function busiestFirst(stats: readonly ContainerStats__Output[], by: SortKey): readonly ContainerStats__Output[] {
  const use = ({ cpuCores, usage }: ContainerStats__Output) => (by === 'cpu' ? cpuCores : usage?.memoryBytes) ?? 0;
  return stats.toSorted((a, b) => use(b) - use(a));
}

/** One line per container. */
export function statsTable(stats: readonly ContainerStats__Output[]): string {
  const rows = stats.map(({ container, usage, cpuCores }) => [
    container,
    cpuCores === undefined ? '' : `${(cpuCores * 100).toFixed(1)}%`,
    usage?.cpuSeconds === undefined ? '' : `${usage.cpuSeconds.toFixed(2)}s`,
    bytes(usage?.memoryBytes),
    bytes(usage?.peakMemoryBytes),
    bytes(usage?.readBytes),
    bytes(usage?.writeBytes),
    usage?.pids === undefined ? '' : String(usage.pids),
    usage?.oomKills === undefined ? '' : String(usage.oomKills),
  ]);
  return table(['NAME', 'CPU', 'CPU TIME', 'MEMORY', 'PEAK', 'READ', 'WRITTEN', 'PIDS', 'OOM KILLS'], rows);
}

/** The processes of all containers, one line each, the one that uses most first. */
export function processesTable(stats: readonly ContainerStats__Output[], by: SortKey): string {
  const use = by === 'cpu' ? 'cpuPercent' : 'memoryBytes';
  const processes = stats.flatMap(({ container, processes: own }) => own.map((process) => ({ container, ...process })));
  const rows = processes
    .sort((a, b) => b[use] - a[use] || b.memoryBytes - a.memoryBytes)
    .map(({ container, pid, cpuPercent, memoryBytes, command }) => [
      container,
      String(pid),
      `${cpuPercent.toFixed(1)}%`,
      bytes(memoryBytes),
      command,
    ]);
  return table(['CONTAINER', 'PID', 'CPU', 'MEMORY', 'COMMAND'], rows);
}

function bytes(amount: number | undefined): string {
  return amount === undefined ? '' : formatBytes(amount);
}
