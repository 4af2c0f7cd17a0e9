/** One file of a log: the one being written, or an older one that rotation moved aside. */
export interface GenerationName {
  readonly name: string;
  readonly compressed: boolean;
}

interface Rotated extends GenerationName {
  readonly suffix: string;
}

/** A number as docker and logrotate write it: `.1` is the newest of the rotated files. */
const number = /^\d{1,6}$/;
/** A time as the kubelet writes it (`20060102-150405`), or any longer run of digits: the greatest is the newest. */
const time = /^\d{8,}(?:[-.]\d{1,9}){0,2}$/;

/**
 * The files of one log among the names of its directory, oldest first and the one being written last. Names that
 * belong to no generation (other containers' logs, a compression in progress) are left out. Where a generation is
 * there both plain and compressed, the plain one is taken: the compression may not be complete.
 */
export function orderGenerations(base: string, names: readonly string[]): GenerationName[] {
  const numbered = new Map<string, Rotated>();
  const timed = new Map<string, Rotated>();
  let active: GenerationName | undefined;
  for (const name of names) {
    if (name === base) active = { name, compressed: false };
    if (!name.startsWith(`${base}.`)) continue;
    const compressed = name.endsWith('.gz');
    const suffix = name.slice(base.length + 1, compressed ? -3 : undefined);
    const kind = number.test(suffix) ? numbered : time.test(suffix) ? timed : undefined;
    if (kind === undefined || (compressed && kind.has(suffix))) continue;
    kind.set(suffix, { name, compressed, suffix });
  }
  const byNumber = [...numbered.values()].sort((a, b) => Number(b.suffix) - Number(a.suffix));
  const byTime = [...timed.values()].sort((a, b) => compareTimes(a.suffix, b.suffix));
  const rotated = [...byNumber, ...byTime].map(({ name, compressed }) => ({ name, compressed }));
  return active === undefined ? rotated : [...rotated, active];
}

function compareTimes(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
