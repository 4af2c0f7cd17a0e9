import { distance } from 'fastest-levenshtein';

/** The nearest of the known names, if one is near enough to be a slip of the hand. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, steps: distance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.steps - b.steps);
  const best = ranked[0];
  if (best === undefined || best.steps > Math.max(2, Math.floor(best.candidate.length / 3))) return undefined;
  return best.candidate;
}
