import type { Figures } from './figures.ts';

/** What a ratio (podhand's figure by the peer's) or podhand's own figure must not exceed. */
export interface Goal {
  readonly of: 'p50' | 'p99';
  readonly ratioAtMost?: number;
  /** By how much podhand's may be above the peer's, where that may be 0. */
  readonly moreAtMost?: number;
  readonly atMost?: number;
}

export interface Row {
  readonly what: string;
  readonly peer: string;
  /** Less is better in every row. */
  readonly unit: string;
  readonly podhand: Figures;
  readonly against: Figures;
  readonly goals?: readonly Goal[];
}

export interface Judged extends Row {
  readonly ratio: { readonly p50: number; readonly p99: number };
  readonly verdicts: readonly { readonly goal: string; readonly met: boolean }[];
}

/** Prints rows as they come, and keeps them. */
export class Report {
  readonly rows: Judged[] = [];
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  title(text: string): void {
    this.#print(`\n${text}`);
  }

  note(text: string): void {
    this.#print(`  ${text}`);
  }

  add(row: Row): void {
    const { podhand, against, unit } = row;
    const ratio = { p50: by(podhand.p50, against.p50), p99: by(podhand.p99, against.p99) };
    const verdicts = (row.goals ?? []).map((goal) => judge(goal, row, ratio));
    this.rows.push({ ...row, ratio, verdicts });
    const pair = ({ p50, p99 }: { p50: number; p99: number }) => `${show(p50)} / ${show(p99)}`;
    this.#print(
      `  ${row.what}, p50 / p99 of ${podhand.runs}\n` +
        `    podhand ${pair(podhand)} ${unit}   ${row.peer} ${pair(against)} ${unit}   ratio ${pair(ratio)}`,
    );
    for (const { goal, met } of verdicts) this.#print(`    goal ${goal}: ${met ? 'met' : 'NOT MET'}`);
  }

  /** The goals once more, all together. */
  summary(): void {
    this.title('Goals');
    for (const { what, peer, ratio, verdicts } of this.rows) {
      for (const { goal, met } of verdicts) {
        const shown = `ratio ${show(ratio.p50)} / ${show(ratio.p99)}`;
        this.note(`${met ? 'met    ' : 'NOT MET'}  ${what} (${peer}): ${shown}; goal ${goal}`);
      }
    }
  }
}

/** Nothing by nothing is the same. */
function by(value: number, peer: number): number {
  return value === peer ? 1 : value / peer;
}

function judge(
  { of, ratioAtMost, moreAtMost, atMost }: Goal,
  row: Row,
  ratio: Judged['ratio'],
): Judged['verdicts'][number] {
  if (ratioAtMost !== undefined) {
    return { goal: `ratio at ${of} at most ${show(ratioAtMost)}`, met: ratio[of] <= ratioAtMost };
  }
  if (moreAtMost !== undefined) {
    const met = row.podhand[of] - row.against[of] <= moreAtMost;
    return { goal: `${of} at most ${show(moreAtMost)} ${row.unit} more`, met };
  }
  return { goal: `${of} at most ${atMost} ${row.unit}`, met: row.podhand[of] <= (atMost ?? 0) };
}

export function show(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
