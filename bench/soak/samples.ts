import type { ClusterAgent } from '../../test/faults/cluster-agent.ts';
import { type Footprint, footprint } from '../../test/faults/footprint.ts';
import { figures } from '../figures.ts';
import { cpuMs } from '../process-load.ts';
import type { Report } from '../report.ts';
import { pause } from './work.ts';

const everyMs = 15_000;
const tellEvery = 20;

export interface Sample extends Footprint {
  readonly minutes: number;
  readonly cpuSeconds: number;
}

/** What each agent has of the node, every 15 seconds. */
export class Samples {
  readonly all: Record<string, Sample[]>;
  readonly #agents: readonly ClusterAgent[];
  readonly #note: (line: string) => void;

  constructor(agents: readonly ClusterAgent[], journal: { note(line: string): void }) {
    this.#agents = agents;
    this.#note = (line) => journal.note(line);
    this.all = Object.fromEntries(agents.map(({ executor }) => [executor, []]));
  }

  async take(until: AbortSignal): Promise<void> {
    const start = performance.now();
    for (let round = 0; !until.aborted; round += 1) {
      for (const { executor, process, mountDirs } of this.#agents) {
        const minutes = (performance.now() - start) / 60_000;
        const sample = { minutes, cpuSeconds: cpuMs(process.pid) / 1000, ...footprint(process.pid, mountDirs) };
        this.all[executor]?.push(sample);
        if (round % tellEvery === 0) {
          this.#note(`${executor}: ${sample.memoryMiB.toFixed(0)} MiB, ${descriptors(sample)} descriptors`);
        }
      }
      await pause(everyMs, until);
    }
  }
}

/** The last sixth of the time by the second one: the first warms up. Whether both are flat. */
export function report(to: Report, { all }: Samples): boolean {
  const rows = [
    ['memory of the agent', 'MiB', ({ memoryMiB }: Sample) => memoryMiB],
    ['its descriptors', 'open', descriptors],
    ['its mounts', 'mounts', ({ mounts }: Sample) => mounts],
  ] as const;
  for (const [executor, samples] of Object.entries(all)) {
    const sixth = Math.max(1, Math.floor(samples.length / 6));
    for (const [what, unit, of] of rows) {
      to.add({
        what: `${what}, ${executor} executor, last sixth of the time`,
        peer: 'the second sixth',
        unit,
        podhand: figures(samples.slice(-sixth).map(of)),
        against: figures(samples.slice(sixth, 2 * sixth).map(of)),
        goals: [{ of: 'p50', ratioAtMost: 1.1 }],
      });
    }
  }
  return to.rows.every(({ verdicts }) => verdicts.every(({ met }) => met));
}

function descriptors({ descriptors: byKind }: Footprint): number {
  return Object.values(byKind).reduce((sum, count) => sum + count, 0);
}
