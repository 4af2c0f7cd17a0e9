import { distance } from 'fastest-levenshtein';
import type { z } from 'zod';

/** One thing that is wrong with the configuration: where, and what would be right. */
export interface Problem {
  /** `limits.fileBytes`, or the name of the flag or variable. */
  readonly where: string;
  readonly what: string;
}

/** All problems at once; `message` has one line for each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map((problem) => `${problem.where}: ${problem.what}`).join('\n'));
    this.problems = problems;
  }
}

/** The nearest of the known names, if one is near enough to be a slip of the hand. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, steps: distance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.steps - b.steps);
  const best = ranked[0];
  return best !== undefined && best.steps <= Math.max(2, Math.floor(best.candidate.length / 3))
    ? best.candidate
    : undefined;
}

/** `unknown key "x"; did you mean "y"?` */
export function unknownKey(name: string, known: readonly string[]): string {
  const guess = nearest(name, known);
  const hint = guess === undefined ? `known are: ${known.join(', ')}` : `did you mean "${guess}"?`;
  return `unknown key "${name}"; ${hint}`;
}

/** Zod's issues as problems; an unknown key is told with the nearest key of the same object. */
export function problemsOf(
  issues: readonly z.core.$ZodIssue[],
  keysAt: (path: readonly PropertyKey[]) => string[],
): Problem[] {
  return issues.flatMap((issue) => {
    const where = issue.path.map(String).join('.') || 'configuration';
    if (issue.code !== 'unrecognized_keys') return [{ where, what: issue.message }];
    return issue.keys.map((key) => ({ where, what: unknownKey(key, keysAt(issue.path)) }));
  });
}
