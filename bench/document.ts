import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { GeneratedPart } from '../scripts/markdown/part.ts';
import { markdownTable, tableCells } from '../scripts/markdown/table.ts';
import { type Judged, show } from './report.ts';

const document = fileURLToPath(new URL('../docs/performance.md', import.meta.url));
const part = new GeneratedPart('bench', 'npm run bench -- --docs');
const head = ['what', 'peer', 'podhand', "the peer's", 'ratio', 'goal'];

/** Puts what was measured into docs/performance.md. What this run has left out stays, if it is of the same day and machine. */
export function writeDocument(rows: readonly Judged[], machine: string): void {
  const heading = `Taken on ${new Date().toISOString().slice(0, 10)}: ${machine}. p50 / p99, less is better.`;
  const before = readFileSync(document, 'utf8');
  writeFileSync(document, part.replaced(before, `${heading}\n\n${performanceTable(rows, kept(before, heading))}\n`));
}

/** Rows that were measured now take the place of kept ones; rows of several agents of one kind stand together as they came. */
export function performanceTable(rows: readonly Judged[], earlier: readonly (readonly string[])[]): string {
  const lines = new Map(earlier.map((cells) => [keyOf(cells), cells]));
  for (const row of rows) {
    const cells = cellsOf(row);
    lines.set(keyOf(cells), cells);
  }
  return markdownTable([head, ...lines.values()]);
}

function kept(text: string, heading: string): string[][] {
  const table = part.of(text);
  return table.startsWith(`${heading}\n`) ? tableCells(table) : [];
}

function keyOf([what, peer]: readonly string[]): string {
  return `${what}|${peer}`;
}

function cellsOf({ what, peer, unit, podhand, against, ratio, verdicts }: Judged): string[] {
  const pair = ({ p50, p99 }: { p50: number; p99: number }) => `${show(p50)} / ${show(p99)}`;
  const goals = verdicts.map(({ goal, met }) => `${goal}: ${met ? 'met' : '**missed**'}`);
  return [what, peer, `${pair(podhand)} ${unit}`, `${pair(against)} ${unit}`, pair(ratio), goals.join('; ')];
}
