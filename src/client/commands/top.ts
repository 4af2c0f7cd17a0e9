import type { Session } from '../cli/session.ts';
import { plain } from '../output/plain.ts';
import { processesTable, statsTable } from '../output/stats.ts';
import { firstWithCpu } from './stats.ts';

export interface TopOptions {
  readonly interval?: number;
}

const home = '\u001b[H';
const clearLine = '\u001b[K';
const clearBelow = '\u001b[J';
const alternateScreen = { enter: '\u001b[?1049h\u001b[?25l', leave: '\u001b[?25h\u001b[?1049l' };

/** `podhand top`: containers and their processes, live on a terminal, once in a pipe. */
export async function top(session: Session, containers: readonly string[], options: TopOptions): Promise<number> {
  if (!process.stdout.isTTY || session.format !== 'table') {
    const sample = await firstWithCpu(session, containers);
    await session.print(plain(sample), () => `${statsTable(sample.stats)}\n${processesTable(sample.stats)}`);
    return 0;
  }
  await session.write(alternateScreen.enter);
  try {
    const request = { containers, intervalMs: options.interval ?? 1000 };
    for await (const { stats } of session.client.watchStats(request, session.call)) {
      await session.write(screen(`${statsTable(stats)}\n${processesTable(stats)}`, process.stdout));
    }
  } catch (error) {
    // Leaving it by Ctrl-C is how it is meant to end.
    if (!session.interruption.signal.aborted) throw error;
  } finally {
    process.stdout.write(alternateScreen.leave);
  }
  return 0;
}

function screen(text: string, { rows, columns }: { rows: number; columns: number }): string {
  const lines = text.split('\n').slice(0, rows - 1);
  return `${home}${lines.map((line) => `${line.slice(0, columns)}${clearLine}`).join('\n')}${clearBelow}`;
}
