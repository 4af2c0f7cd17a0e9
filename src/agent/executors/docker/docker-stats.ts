import type { Container, Usage } from '../../pods/model.ts';
import type { HeldContainers } from '../../processes/held-containers.ts';
import { readPids } from '../../processes/usage.ts';
import type { ContainerSample, StatsRole } from '../roles.ts';
import type { Engine } from './engine.ts';
import { engineStatus, translateEngineError } from './engine-error.ts';

const maxPids = 100;

type EngineStats = Awaited<ReturnType<Engine['stats']>>;

/** Figures of the container's cgroup where its process is held, else as the engine reads them. */
export class DockerStats implements StatsRole {
  readonly #engine: Engine;
  readonly #held: HeldContainers | undefined;

  constructor(engine: Engine, held: HeldContainers | undefined) {
    this.#engine = engine;
    this.#held = held;
  }

  async sample(container: Container, signal: AbortSignal): Promise<ContainerSample | undefined> {
    const held = this.#held?.get(container.id);
    if (held !== undefined) {
      return held.ended ? undefined : { usage: held.usage(), pids: readPids(held.cgroupPaths, maxPids) };
    }
    try {
      const stats = await this.#engine.stats(container.id, signal);
      return isEmpty(stats) ? undefined : { usage: usageOf(stats), pids: [] };
    } catch (error) {
      if (engineStatus(error) === 404) return undefined;
      signal.throwIfAborted();
      throw translateEngineError(error);
    }
  }

  final(container: Container): Usage | undefined {
    return this.#held?.get(container.id)?.lastUsage;
  }
}

/** The engine answers zeros for a container that does not run. */
function isEmpty(stats: EngineStats): boolean {
  return stats.read.startsWith('0001-');
}

function usageOf(stats: EngineStats): Usage {
  const { cpu_stats: cpu, memory_stats: memory, blkio_stats: io, pids_stats: pids } = stats;
  const figures: Record<keyof Usage, number | undefined> = {
    cpuSeconds: cpu?.cpu_usage?.total_usage === undefined ? undefined : cpu.cpu_usage.total_usage / 1e9,
    memoryBytes: memory?.usage,
    peakMemoryBytes: memory?.max_usage,
    readBytes: transferred(io?.io_service_bytes_recursive, 'read'),
    writeBytes: transferred(io?.io_service_bytes_recursive, 'write'),
    pids: pids?.current,
    oomKills: undefined,
  };
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined));
}

function transferred(
  entries: readonly { op: string; value: number }[] | null | undefined,
  op: string,
): number | undefined {
  const matching = entries?.filter((entry) => entry.op.toLowerCase() === op) ?? [];
  return matching.length === 0 ? undefined : matching.reduce((sum, entry) => sum + entry.value, 0);
}
