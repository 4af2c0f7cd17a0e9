import { GeneratedPart } from '../../scripts/markdown/part.ts';
import { markdownTable, tableCells } from '../../scripts/markdown/table.ts';
import { cases } from './cases.ts';
import { type Column, columns, type Reason, reasons } from './columns.ts';

/** What came of one test. */
export interface TriedTest {
  readonly cases: readonly number[];
  readonly by: Column;
  readonly operations: number;
  readonly passed: boolean;
}

export interface Table {
  readonly text: string;
  /** `case/column` of what was to be tried and was not, or did not hold. */
  readonly missing: readonly string[];
  readonly failed: readonly string[];
}

const untried = 'MISSING';

const headings: Readonly<Record<Column, string>> = {
  shared: 'before executors',
  docker: 'docker',
  pns: 'pns',
  kubelet: 'kubelet',
  k8sapi: 'k8sapi',
  emissary: 'emissary',
};

/** `kept`: cells of an earlier run, by case and column, for what this one has not tried. In Markdown. */
export function attackTable(tests: readonly TriedTest[], kept: ReadonlyMap<string, string> = new Map()): Table {
  const missing: string[] = [];
  const failed: string[] = [];
  const given = Object.keys(reasons) as Reason[];
  const letter = (reason: Reason) => `(${String.fromCharCode('a'.charCodeAt(0) + given.indexOf(reason))})`;
  const lines = cases.map(({ number, name, expected, on, elsewhere }) => {
    const cells = columns.map((column) => {
      const tried = tests.filter(({ by, cases: of }) => by === column && of.includes(number));
      const reason = elsewhere[column];
      if (!on.includes(column)) return reason === undefined ? '' : letter(reason);
      const place = `${number}/${column}`;
      const cell = tried.length === 0 ? (kept.get(place) ?? untried) : outcome(tried);
      if (cell === untried) missing.push(place);
      else if (cell.startsWith('FAILED')) failed.push(place);
      return cell;
    });
    return [String(number), name, expected, ...cells];
  });
  const head = ['#', 'attack', 'expected', ...columns.map((column) => headings[column])];
  const notes = given.map((reason) => `- ${letter(reason)}: ${reasons[reason]}`);
  return { text: `${markdownTable([head, ...lines])}\n\n${notes.join('\n')}\n`, missing, failed };
}

function outcome(tried: readonly TriedTest[]): string {
  const bad = tried.filter(({ passed }) => !passed).length;
  if (bad > 0) return `FAILED (${bad} of ${tried.length})`;
  const operations = tried.reduce((sum, test) => sum + test.operations, 0);
  return operations === 0 ? `held (${tried.length})` : `held (${tried.length}; ${operations.toLocaleString('en')} ops)`;
}

const part = new GeneratedPart('attacks', 'npm run attacks');

/** The document with another table. */
export function withTable(document: string, text: string): string {
  return part.replaced(document, text);
}

/** The cells of the document's table, where it was written under the same heading: same day, machine and versions. */
export function keptCells(document: string, heading: string): ReadonlyMap<string, string> {
  const kept = new Map<string, string>();
  const table = part.of(document);
  if (!table.startsWith(`${heading}\n`)) return kept;
  for (const [number = '', , , ...cells] of tableCells(table))
    for (const [at, column] of columns.entries()) kept.set(`${number}/${column}`, cells[at] ?? untried);
  return kept;
}
