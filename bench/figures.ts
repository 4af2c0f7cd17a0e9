/** Of one thing that was measured several times. */
export interface Figures {
  readonly p50: number;
  readonly p99: number;
  readonly runs: number;
  /** In the order in which they were taken. */
  readonly samples: readonly number[];
}

/** With fewer than 100 samples the p99 is the worst of them. */
export function figures(samples: readonly number[]): Figures {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), runs: samples.length, samples };
}

/** Milliseconds that the action takes. */
export async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/**
 * Measures every one of the named actions once per round, one after the other, so that what else the machine does
 * meets all of them alike. `between` cleans up after each.
 */
export async function interleaved<Name extends string>(
  rounds: number,
  actions: Readonly<Record<Name, () => Promise<number>>>,
  between: () => Promise<unknown> = async () => undefined,
): Promise<Record<Name, Figures>> {
  const names = Object.keys(actions) as Name[];
  const samples = new Map(names.map((name): [Name, number[]] => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    // Whoever goes first finds the caches as the last one left them: every one does once.
    for (const at of names.keys()) {
      const name = names[(at + round) % names.length] as Name;
      samples.get(name)?.push(await actions[name]());
      await between();
    }
  }
  return Object.fromEntries(names.map((name) => [name, figures(samples.get(name) ?? [])])) as Record<Name, Figures>;
}
