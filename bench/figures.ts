/** Milliseconds of one thing, measured several times. */
export interface Figures {
  readonly p50: number;
  readonly p99: number;
}

export function figures(samples: readonly number[]): Figures {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

/** One line: ours, the peer's, and their ratio. */
export function row(what: string, unit: string, ours: number, peer: number, goal: string): void {
  const show = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
  const line = `podhand ${show(ours)} ${unit}, peer ${show(peer)} ${unit}, ratio ${(ours / peer).toFixed(2)}`;
  console.log(`${what.padEnd(52)} ${line}   (goal: ${goal})`);
}

export async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}
