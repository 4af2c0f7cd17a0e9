import type { ContainerStats__Output } from '../../wire/generated/podhand/v1/ContainerStats.ts';
import type { Session } from '../cli/session.ts';
import { LiveScreen } from '../output/live-screen.ts';
import { plain } from '../output/plain.ts';
import { busiestFirst, processesTable, type SortKey, statsTable } from '../output/stats.ts';
import { firstWithCpu } from './stats.ts';

export interface TopOptions {
  readonly interval?: number;
  readonly sort: SortKey;
}

const keys = { quit: ['q', 'Q', '\u0003'], cpu: ['c', 'P'], memory: ['m', 'M'] };

/** `podhand top`: containers and their processes, live on a terminal, once in a pipe. */
export async function top(session: Session, containers: readonly string[], options: TopOptions): Promise<number> {
  if (process.stdout.isTTY && session.format === 'table') return await live(session, containers, options);
  const sample = await firstWithCpu(session, containers);
  await session.print(plain(sample), () => tables(sample.stats, options.sort));
  return 0;
}

async function live(session: Session, containers: readonly string[], options: TopOptions): Promise<number> {
  const quit = new AbortController();
  const signal = AbortSignal.any([session.interruption.signal, quit.signal]);
  let sort = options.sort;
  let stats: readonly ContainerStats__Output[] = [];
  const onKey = (key: string): void => {
    if (keys.quit.includes(key)) quit.abort();
    else if (keys.cpu.includes(key)) sort = 'cpu';
    else if (keys.memory.includes(key)) sort = 'memory';
    else return;
    screen.draw();
  };
  const lines = (): string[] => {
    const heading = `podhand top, by ${sort}   c: by cpu   m: by memory   q: quit`;
    return [heading, '', ...tables(stats, sort).trimEnd().split('\n')];
  };
  using screen = new LiveScreen({ output: process.stdout, input: process.stdin, onKey, lines });
  try {
    const request = { containers, intervalMs: options.interval ?? 1000 };
    for await (const sample of session.client.watchStats(request, { ...session.call, signal })) {
      stats = sample.stats;
      screen.draw();
    }
  } catch (error) {
    // Leaving it, by a key or by a signal, is how it is meant to end.
    if (!signal.aborted) throw error;
  }
  return 0;
}

function tables(stats: readonly ContainerStats__Output[], sort: SortKey): string {
  return `${statsTable(busiestFirst(stats, sort))}\n${processesTable(stats, sort)}`;
}
