import { PodhandError } from '../../wire/errors.ts';
import type { LogChunk } from '../executors/roles.ts';
import { parseCri } from './cri-format.ts';
import type { LineState } from './cursor.ts';
import { emptySpan, type LogFormat, type StreamIndex } from './record.ts';
import { maxTimeBytes, recordTime, writeTime } from './record-time.ts';

/** Bytes of a chunk at most. */
export const maxChunkBytes = 64 * 1024;
/** A chunk of fewer bytes is copied, so that a small one does not keep a large buffer alive. */
const smallChunkBytes = 32 * 1024;

const streamNames = ['stdout', 'stderr'] as const;

/** Which records are given, and how. */
export interface LogSelection {
  readonly stream?: StreamIndex;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly timestamps: boolean;
}

/** What the streams are in the middle of; goes on from file to file. */
export interface MutableLineState extends LineState {
  open: [boolean, boolean];
  dropping: [boolean, boolean];
  from: [number, number];
}

/** The record that is longer than the block it is read with. */
interface LongRecord {
  readonly offset: number;
  readonly stream: StreamIndex;
  readonly endsLine: boolean;
  readonly kept: boolean;
  /** Bytes of its content so far. */
  given: number;
}

export type CursorMaker = (offset: number, skip: number, state: LineState) => Buffer;

/**
 * Turns blocks of a log file into chunks of output. Records of the same stream that follow each other become one chunk,
 * lines that were cut into several records become one line again.
 */
export class LogDecoder {
  readonly #format: LogFormat;
  readonly #selection: LogSelection;
  readonly #state: MutableLineState;
  readonly #cursor: CursorMaker;
  readonly #span = emptySpan();
  #skip: number;
  #long: LongRecord | undefined;
  #out = Buffer.allocUnsafeSlow(maxChunkBytes);
  #filled = 0;
  #hasGiven = false;
  #stream: StreamIndex = 0;
  #time = Number.NaN;
  #chunks: LogChunk[] = [];

  /** `skip`: bytes of the first record's content that were given before. */
  constructor(format: LogFormat, selection: LogSelection, state: MutableLineState, cursor: CursorMaker, skip: number) {
    this.#format = format;
    this.#selection = selection;
    this.#state = state;
    this.#cursor = cursor;
    this.#skip = skip;
  }

  /** In the middle of a record that is longer than a block. */
  get insideRecord(): boolean {
    return this.#long !== undefined;
  }

  /**
   * Decodes the whole records of `block`, which begins at `offset` of the file. Returns what was read of it, in bytes,
   * and the chunks. Errors: LOG_LOST for a record that cannot be read.
   */
  decode(block: Buffer, offset: number): { consumed: number; chunks: LogChunk[] } {
    this.#chunks = [];
    let at = 0;
    while (at < block.length) {
      const end = block.indexOf(0x0a, at);
      if (end < 0) break;
      if (this.#long !== undefined) this.#finishLong(this.#long, block.subarray(at, end), offset + at);
      else this.#record(block, at, end, offset);
      at = end + 1;
    }
    this.#flush(offset + at, 0);
    return { consumed: at, chunks: this.#chunks };
  }

  /** Gives what there is of a record without an end in `block`. Only the CRI format says the stream first. */
  decodePart(block: Buffer, offset: number): LogChunk[] {
    this.#chunks = [];
    const span = this.#span;
    let content = block;
    if (this.#long === undefined) {
      if (this.#format.name !== 'cri' || !parseCri(block, 0, block.length, span)) throw unreadable(offset);
      const { stream, endsLine } = span;
      const kept = this.#keeps(block, offset);
      this.#long = { offset, stream, endsLine, kept, given: 0 };
      if (kept) this.#begin(block, stream);
      if (kept && this.#selection.timestamps && !this.#state.open[stream] && this.#skip === 0) this.#writeTime(block);
      content = block.subarray(span.contentStart);
    }
    this.#giveLong(this.#long, content);
    this.#flush(this.#long.offset, this.#long.given);
    return this.#chunks;
  }

  #record(block: Buffer, start: number, end: number, offset: number): void {
    const span = this.#span;
    if (!this.#format.parse(block, start, end, span)) {
      // A torn record before those that were asked for is nobody's loss.
      if (this.#selection.since !== undefined && !this.#hasGiven) return;
      throw unreadable(offset + start);
    }
    const { stream } = span;
    if (!this.#keeps(block, offset + start)) {
      this.#passed(stream, span.endsLine, true);
      return;
    }
    const continues = this.#state.open[stream] || this.#skip > 0;
    const prefix = this.#selection.timestamps && !continues ? maxTimeBytes : 0;
    const needed = span.contentEnd - span.contentStart + 1 + prefix;
    if (this.#filled > 0 && (this.#stream !== stream || this.#filled + needed > maxChunkBytes)) {
      this.#flush(offset + start, 0);
    }
    if (this.#filled === 0) this.#begin(block, stream);
    if (needed > maxChunkBytes || this.#skip > 0) this.#cut(block, offset + start, needed, prefix > 0);
    else {
      if (prefix > 0) this.#writeTime(block);
      this.#filled = this.#format.write(block, span, this.#out, this.#filled);
    }
    this.#passed(stream, span.endsLine, false);
  }

  #keeps(block: Buffer, offset: number): boolean {
    const { stream, timeStart, timeEnd } = this.#span;
    const { since } = this.#selection;
    if (this.#selection.stream !== undefined && this.#selection.stream !== stream) return false;
    if (offset < this.#state.from[stream]) return false;
    if (this.#state.open[stream]) return !this.#state.dropping[stream];
    return since === undefined || !(recordTime(block, timeStart, timeEnd) < since);
  }

  #passed(stream: StreamIndex, endsLine: boolean, dropped: boolean): void {
    this.#state.open[stream] = !endsLine;
    this.#state.dropping[stream] = dropped && !endsLine;
    this.#skip = 0;
  }

  /** A record that does not fit a chunk, or that was given in part before. */
  #cut(block: Buffer, offset: number, needed: number, withTime: boolean): void {
    const span = this.#span;
    const whole = Buffer.allocUnsafe(needed);
    let at = withTime ? writeTime(block, span.timeStart, span.timeEnd, whole, 0) : 0;
    const prefix = at;
    at = this.#format.write(block, span, whole, at);
    let given = Math.min(this.#skip, at);
    while (at - given > maxChunkBytes) {
      this.#filled = whole.copy(this.#out, 0, given, given + maxChunkBytes);
      given += maxChunkBytes;
      this.#flush(offset, given - prefix);
      this.#begin(block, span.stream);
    }
    this.#filled = whole.copy(this.#out, 0, given, at);
  }

  #giveLong(long: LongRecord, content: Buffer): void {
    const skipped = Math.min(Math.max(this.#skip - long.given, 0), content.length);
    long.given += skipped;
    for (let from = skipped; from < content.length && long.kept; ) {
      if (this.#filled === maxChunkBytes) this.#flush(long.offset, long.given);
      this.#stream = long.stream;
      const count = content.copy(this.#out, this.#filled, from);
      this.#filled += count;
      long.given += count;
      from += count;
    }
    if (!long.kept) long.given += content.length - skipped;
  }

  #finishLong(long: LongRecord, content: Buffer, offset: number): void {
    this.#giveLong(long, content);
    if (long.kept && long.endsLine) {
      if (this.#filled === maxChunkBytes) this.#flush(long.offset, long.given);
      this.#stream = long.stream;
      this.#out[this.#filled++] = 0x0a;
    }
    this.#long = undefined;
    this.#passed(long.stream, long.endsLine, !long.kept);
    this.#flush(offset + content.length + 1, 0);
  }

  #begin(block: Buffer, stream: StreamIndex): void {
    this.#hasGiven = true;
    this.#stream = stream;
    this.#time = recordTime(block, this.#span.timeStart, this.#span.timeEnd);
  }

  #writeTime(block: Buffer): void {
    this.#filled = writeTime(block, this.#span.timeStart, this.#span.timeEnd, this.#out, this.#filled);
  }

  /** Ends the chunk; whoever resumes after it goes on at `offset`, after `skip` bytes of the content there. */
  #flush(offset: number, skip: number): void {
    if (this.#filled === 0) return;
    const data = this.#out.subarray(0, this.#filled);
    const isSmall = this.#filled < smallChunkBytes;
    this.#chunks.push({
      stream: streamNames[this.#stream],
      data: isSmall ? Buffer.from(data) : data,
      cursor: this.#cursor(offset, skip, this.#state),
      ...(Number.isNaN(this.#time) ? {} : { time: new Date(this.#time) }),
    });
    if (!isSmall) this.#out = Buffer.allocUnsafeSlow(maxChunkBytes);
    this.#filled = 0;
  }
}

function unreadable(offset: number): PodhandError {
  return new PodhandError('LOG_LOST', 'a record of the log cannot be read; ask for what is newer with since or tail', {
    details: { offset: String(offset) },
  });
}
