import type { WatchStatsResponse__Output } from '../../wire/generated/podhand/v1/WatchStatsResponse.ts';
import type { Session } from '../cli/session.ts';
import { plain } from '../output/plain.ts';
import { statsTable } from '../output/stats.ts';

export interface StatsOptions {
  readonly interval?: number;
}

/** `podhand stats`: one sample of each container, or with an interval one after the other until all have ended. */
export async function stats(session: Session, containers: readonly string[], options: StatsOptions): Promise<number> {
  const { interval } = options;
  if (interval === undefined) {
    const sample = await firstWithCpu(session, containers);
    await session.print(plain(sample), () => statsTable(sample.stats));
    return 0;
  }
  for await (const sample of session.client.watchStats({ containers, intervalMs: interval }, session.call)) {
    // One document per line or per `---`, so that a reader can take them one by one.
    if (session.format === 'json') await session.write(`${JSON.stringify(plain(sample))}\n`);
    else await session.print(plain(sample), () => statsTable(sample.stats));
    if (session.format === 'yaml') await session.write('---\n');
  }
  return 0;
}

/** The second sample, since CPU in use is known between two; the first where there is no second. */
export async function firstWithCpu(
  session: Session,
  containers: readonly string[],
): Promise<WatchStatsResponse__Output> {
  let last: WatchStatsResponse__Output = { stats: [] };
  let samples = 0;
  for await (const sample of session.client.watchStats({ containers, intervalMs: 500 }, session.call)) {
    if (sample.stats.length > 0 || samples === 0) last = sample;
    samples += 1;
    if (samples === 2) break;
  }
  return last;
}
