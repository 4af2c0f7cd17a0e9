import { rename, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { type Format, record, type Stream, type Written, type WrittenLog } from './written-log.ts';

/** The same numbers for the same seed. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Records of both streams, some lines cut into several records, the cut ones interleaved. */
export function randomRecords(seed: number, count: number): Written[] {
  const random = randomNumbers(seed);
  const records: Written[] = [];
  for (let index = 0; index < count; index++) {
    const stream: Stream = random(3) === 0 ? 'stderr' : 'stdout';
    const ends = random(4) !== 0;
    const time = new Date(Date.UTC(2024, 0, 1) + index * 10).toISOString();
    records.push({ stream, text: `${index}${'é"\\'.repeat(random(4))}${ends ? '\n' : ' '}`, time });
  }
  return records;
}

export interface Line {
  readonly stream: Stream;
  readonly text: string;
  /** Place of its last record. */
  readonly endsAt: number;
}

/** The lines that the records make, in the order of their ends; of what has no end, the newest record counts as such. */
export function linesOf(records: readonly Written[], stream?: Stream): Line[] {
  const open = { stdout: '', stderr: '' };
  const last = { stdout: -1, stderr: -1 };
  const lines: Line[] = [];
  for (const [endsAt, { stream: of, text }] of records.entries()) {
    open[of] += text;
    last[of] = endsAt;
    if (!text.endsWith('\n')) continue;
    lines.push({ stream: of, text: open[of], endsAt });
    open[of] = '';
  }
  for (const of of ['stdout', 'stderr'] as const) {
    if (open[of] !== '') lines.push({ stream: of, text: open[of], endsAt: last[of] });
  }
  return lines.filter((line) => stream === undefined || line.stream === stream).sort((a, b) => a.endsAt - b.endsAt);
}

/** Writes the records as a log of several files, all but the newest two compressed. */
export async function writeGenerations(
  log: WrittenLog,
  format: Format,
  records: readonly Written[],
  files: number,
): Promise<void> {
  const perFile = Math.ceil(records.length / files);
  for (let index = 0; index < files; index++) {
    const text = records.slice(index * perFile, (index + 1) * perFile).map((one) => record(format, one));
    await writeFile(log.path, text.join(''));
    const age = files - 1 - index;
    if (age === 0) continue;
    const rotated = format === 'cri' ? `${log.path}.20240101-00000${index}` : `${log.path}.${age}`;
    if (age === 1) await rename(log.path, rotated);
    else await writeFile(`${rotated}.gz`, gzipSync(text.join('')));
  }
}
