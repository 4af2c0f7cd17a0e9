import type { Parameters } from 'fast-check';

const asked = Number(process.env.PODHAND_FUZZ_RUNS ?? 0);

/** How often a property is tried; `PODHAND_FUZZ_RUNS` asks for more of every one. A failure prints seed and path. */
export function runs(count: number): Parameters<unknown> {
  return { numRuns: Math.max(count, asked) };
}

/** The same for what takes long: a failure is told as it was found, not made smaller. */
export function costlyRuns(count: number): Parameters<unknown> {
  return { ...runs(count), endOnFailure: true };
}

/** For a property's test, in milliseconds: what is asked for beyond the usual runs takes its time. */
export const patience = asked > 0 ? 3_600_000 : 60_000;
