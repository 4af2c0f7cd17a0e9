import { PodhandError } from '../../wire/errors.ts';
import type { LogFile } from './log-file.ts';

/** Whole records of one block: record `i` is `block[starts[i], ends[i])`, its newline left out. */
export interface RecordBlock {
  readonly block: Buffer;
  /** Of the block, in the file. */
  readonly offset: number;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

const blockBytes = 256 * 1024;
/** Of a record longer than a block this much is read: a docker record is never longer, a CRI record begins with all that is asked. */
const longRecordBytes = 1024 * 1024;

/** Where the last whole record of a file ends. */
export async function recordsEnd(file: LogFile, signal: AbortSignal): Promise<number> {
  const { size } = await file.facts();
  return (await newlineBefore(file, size, signal)) + 1;
}

/** The records of a file that end before `end`, newest block first. Holds one block at a time. */
export async function* readRecordsBackward(
  file: LogFile,
  end: number,
  signal: AbortSignal,
): AsyncGenerator<RecordBlock> {
  let before = end;
  while (before > 0) {
    signal.throwIfAborted();
    const from = Math.max(0, before - blockBytes);
    const block = await readRange(file, from, before);
    const first = from === 0 ? 0 : block.indexOf(0x0a) + 1;
    if (first < block.length) {
      yield { block, offset: from, ...split(block, first) };
      before = from + first;
      continue;
    }
    const start = (await newlineBefore(file, before - 1, signal)) + 1;
    const long = await readRange(file, start, Math.min(before - 1, start + longRecordBytes));
    yield { block: long, offset: start, starts: [0], ends: [long.length] };
    before = start;
  }
}

function split(block: Buffer, first: number): { starts: number[]; ends: number[] } {
  const starts: number[] = [];
  const ends: number[] = [];
  for (let at = first; at < block.length; ) {
    const end = block.indexOf(0x0a, at);
    if (end < 0) break;
    starts.push(at);
    ends.push(end);
    at = end + 1;
  }
  return { starts, ends };
}

/** Offset of the last newline before `end`; -1 where there is none. */
async function newlineBefore(file: LogFile, end: number, signal: AbortSignal): Promise<number> {
  for (let before = end; before > 0; ) {
    signal.throwIfAborted();
    const from = Math.max(0, before - blockBytes);
    const at = (await readRange(file, from, before)).lastIndexOf(0x0a);
    if (at >= 0) return from + at;
    before = from;
  }
  return -1;
}

async function readRange(file: LogFile, from: number, to: number): Promise<Buffer> {
  const block = Buffer.allocUnsafe(to - from);
  for (let filled = 0; filled < block.length; ) {
    const count = await file.readAt(block.subarray(filled), from + filled);
    if (count === 0) throw new PodhandError('LOG_LOST', 'the log was truncated while it was read');
    filled += count;
  }
  return block;
}
