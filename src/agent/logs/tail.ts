import type { LogFile } from './log-file.ts';
import { emptySpan, type LogFormat, type StreamIndex } from './record.ts';
import { readRecordsBackward, recordsEnd } from './records-backward.ts';
import { readRecordsForward } from './records-forward.ts';

/** Where the last lines of a log begin. */
export interface TailStart {
  /** Index of the first file that is needed. */
  readonly index: number;
  /** Offset in that file. */
  readonly offset: number;
  /** Per file from `index` on: the offset below which records of stdout and of stderr are older than the tail. */
  readonly from: readonly (readonly [number, number])[];
}

/**
 * Finds the last `lines` lines of a log among its files, oldest first. A line that was cut into several records counts
 * once, a last line without an end counts too. Reads backwards in blocks, as little as is needed; compressed files from
 * their beginning, for there is no other way.
 */
export async function findTail(
  files: readonly LogFile[],
  lines: number,
  stream: StreamIndex | undefined,
  signal: AbortSignal,
): Promise<TailStart> {
  const search = new TailSearch(lines, stream);
  const from: [number, number][] = [];
  let index = files.length;
  while (index > 0 && (index === files.length || !search.isDone)) {
    index--;
    const file = files[index];
    const format = await file?.format();
    if (file === undefined || format === undefined) from.unshift([0, 0]);
    else if (file.compressed) from.unshift(await searchForward(file, format, search, signal));
    else from.unshift(await searchBackward(file, format, search, signal));
  }
  const [first] = from;
  return { index, offset: first === undefined ? 0 : Math.min(...first), from };
}

/** Counts lines from the newest to the oldest. */
class TailSearch {
  readonly #lines: number;
  readonly #stream: StreamIndex | undefined;
  #count = 0;
  /** Per stream: a line is counted whose beginning is not found yet. */
  readonly open: [boolean, boolean] = [false, false];
  /** Per stream: its newest record was met. */
  readonly met: [boolean, boolean] = [false, false];

  constructor(lines: number, stream: StreamIndex | undefined) {
    this.#lines = lines;
    this.#stream = stream;
  }

  get isDone(): boolean {
    return this.missing === 0 && !this.open[0] && !this.open[1];
  }

  /** Lines that are not found yet. */
  get missing(): number {
    return this.#lines - this.#count;
  }

  counts(stream: StreamIndex): boolean {
    return this.#stream === undefined || this.#stream === stream;
  }

  add(lines: number): void {
    this.#count += lines;
  }

  /** The next older record. True if it belongs to the tail. */
  record(stream: StreamIndex, endsLine: boolean): boolean {
    const isNewLine = endsLine || !this.met[stream];
    this.met[stream] = true;
    if (isNewLine) {
      this.open[stream] = this.missing > 0;
      if (this.open[stream]) this.#count++;
    }
    return this.open[stream];
  }
}

async function searchBackward(
  file: LogFile,
  format: LogFormat,
  search: TailSearch,
  signal: AbortSignal,
): Promise<[number, number]> {
  const end = await recordsEnd(file, signal);
  const from: [number, number] = [end, end];
  const span = emptySpan();
  if (search.isDone) return from;
  for await (const { block, starts, ends, offset } of readRecordsBackward(file, end, signal)) {
    for (let at = starts.length - 1; at >= 0; at--) {
      const start = starts[at] ?? 0;
      if (!format.parse(block, start, ends[at] ?? 0, span) || !search.counts(span.stream)) continue;
      if (search.record(span.stream, span.endsLine)) from[span.stream] = offset + start;
      if (search.isDone) return from;
    }
  }
  return from;
}

/** Twice through the file: to count its lines, then to find the first that is needed. */
async function searchForward(
  file: LogFile,
  format: LogFormat,
  search: TailSearch,
  signal: AbortSignal,
): Promise<[number, number]> {
  const last: [boolean, boolean] = [true, true];
  const present: [boolean, boolean] = [false, false];
  let lines = 0;
  await eachRecord(file, format, search, signal, (stream, endsLine) => {
    if (endsLine) lines++;
    last[stream] = endsLine;
    present[stream] = true;
  });
  for (const stream of [0, 1] as const) {
    if (!last[stream] && !search.met[stream] && search.missing > 0) search.add(1);
    search.met[stream] ||= present[stream];
  }
  let dropped = Math.max(0, lines - search.missing);
  search.add(lines - dropped);
  const from: [number, number] = [0, 0];
  await eachRecord(file, format, search, signal, (stream, endsLine, end) => {
    if (!endsLine || dropped === 0) return;
    dropped--;
    from[stream] = end;
  });
  // A stream of which nothing was dropped may have begun its first line in an older file.
  for (const stream of [0, 1] as const) if (present[stream]) search.open[stream] = from[stream] === 0;
  return from;
}

async function eachRecord(
  file: LogFile,
  format: LogFormat,
  search: TailSearch,
  signal: AbortSignal,
  visit: (stream: StreamIndex, endsLine: boolean, end: number) => void,
): Promise<void> {
  const span = emptySpan();
  for await (const { block, starts, ends, offset } of readRecordsForward(file, signal)) {
    for (const [at, start] of starts.entries()) {
      const end = ends[at] ?? 0;
      if (!format.parse(block, start, end, span) || !search.counts(span.stream)) continue;
      visit(span.stream, span.endsLine, offset + end + 1);
    }
  }
}
