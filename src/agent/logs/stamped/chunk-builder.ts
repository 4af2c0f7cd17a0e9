import { PodhandError } from '../../../wire/errors.ts';
import type { LogChunk, LogStreamName } from '../../executors/roles.ts';
import { encodeCursor, type Places } from './cursor.ts';
import type { EntrySink, StreamIndex } from './entry-sink.ts';
import { dateOfTime, type LogTime, stampLength } from './log-time.ts';
import { StreamPosition } from './stream-position.ts';

const maxChunkBytes = 64 * 1024;
const names: readonly [LogStreamName, LogStreamName] = ['stdout', 'stderr'];
const newline = 0x0a;

/** What becomes of the entry that is being read. */
type Fate = 'give' | 'pass over' | 'ignore';

/**
 * Joins entries of the same stream into chunks of at most 64 KiB, each with the cursor after it. Leaves out what a
 * cursor says was given already, and the first `skipLines` lines. A chunk ends between entries; only an entry that is
 * longer than a whole chunk is cut.
 */
export class ChunkBuilder implements EntrySink {
  readonly #tag: Buffer;
  readonly #keepStamps: boolean;
  readonly #ownTimes: boolean;
  readonly #positions: readonly [StreamPosition, StreamPosition];
  readonly #chunks: LogChunk[] = [];
  readonly #buffer = Buffer.allocUnsafeSlow(maxChunkBytes);
  readonly #lineOpen: [boolean, boolean] = [false, false];
  readonly #lineSkipped: [boolean, boolean] = [false, false];
  /** Bytes in the buffer, and those of them that are of complete entries. */
  #length = 0;
  #complete = 0;
  /** Of the bytes in the buffer. */
  #stream: StreamIndex = 0;
  #firstTime: LogTime | undefined;
  #linesToSkip: number;
  // The entry that is being read.
  #fate: Fate = 'ignore';
  #time: LogTime = { seconds: 0, nanos: 0 };
  #entryStream: StreamIndex = 0;
  #toDrop = 0;
  #entryBytes = 0;
  #lastByte = newline;

  constructor(options: { tag: Buffer; keepStamps: boolean; ownTimes: boolean; from: Places; skipLines: number }) {
    this.#tag = options.tag;
    this.#keepStamps = options.keepStamps;
    this.#ownTimes = options.ownTimes;
    this.#positions = [new StreamPosition(options.from[0]), new StreamPosition(options.from[1])];
    this.#linesToSkip = options.skipLines;
  }

  begin(stream: StreamIndex, time: LogTime, stamp: Buffer, stampAt: number): void {
    const position = this.#positions[stream];
    const verdict = position.judge(time, this.#ownTimes && !this.#lineOpen[stream]);
    if (verdict === 'lost') throw lost();
    this.#entryStream = stream;
    this.#time = time;
    this.#entryBytes = 0;
    this.#lastByte = -1;
    this.#fate = this.#fateOf(verdict);
    if (this.#fate !== 'give') return;
    this.#toDrop = position.offset;
    if (this.#length > 0 && this.#stream !== stream) this.#flush();
    this.#stream = stream;
    if (this.#keepStamps && !this.#lineOpen[stream] && this.#toDrop === 0)
      this.#append(stamp, stampAt, stampAt + stampLength);
  }

  bytes(data: Buffer, start: number, end: number): void {
    if (this.#fate === 'ignore') return;
    this.#lastByte = data[end - 1] ?? newline;
    if (this.#fate === 'pass over') return;
    const dropped = Math.min(this.#toDrop - Math.min(this.#entryBytes, this.#toDrop), end - start);
    this.#entryBytes += end - start;
    if (start + dropped < end) this.#append(data, start + dropped, end);
  }

  end(): void {
    if (this.#fate === 'ignore') return;
    this.#positions[this.#entryStream].advance(this.#time);
    if (this.#lastByte !== -1) this.#lineOpen[this.#entryStream] = this.#lastByte !== newline;
    if (this.#fate === 'give') this.#complete = this.#length;
  }

  #fateOf(verdict: 'older' | 'given' | 'again' | 'new'): Fate {
    if (verdict === 'older' || verdict === 'again') return 'ignore';
    const stream = this.#entryStream;
    if (!this.#lineOpen[stream]) {
      this.#lineSkipped[stream] = this.#linesToSkip > 0;
      if (this.#linesToSkip > 0) this.#linesToSkip -= 1;
    }
    return verdict === 'given' || this.#lineSkipped[stream] ? 'pass over' : 'give';
  }

  /** The chunks of the complete entries up to here. */
  take(): LogChunk[] {
    this.#flush();
    return this.#chunks.splice(0);
  }

  /** Lines still to be skipped. */
  get linesToSkip(): number {
    return this.#linesToSkip;
  }

  /** After everything that `take` gave. */
  places(): Places {
    return [this.#positions[0].place(), this.#positions[1].place()];
  }

  /** To be asked at the end of a log that does not go on. Errors: LOG_LOST where it ended before the cursor's place. */
  checkWhole(wanted: ReadonlySet<StreamIndex>): void {
    for (const stream of wanted) if (this.#positions[stream].isShort) throw lost();
  }

  #append(data: Buffer, start: number, end: number): void {
    if (end - start > maxChunkBytes - this.#length && this.#complete > 0) this.#flush();
    let at = start;
    while (at < end) {
      if (this.#length === 0 || this.#firstTime === undefined) this.#firstTime = this.#time;
      const copied = data.copy(this.#buffer, this.#length, at, end);
      at += copied;
      this.#length += copied;
      if (this.#length === maxChunkBytes && at < end) this.#flushWithin(end - at);
    }
  }

  /** Gives the complete entries; what is begun moves to the front. */
  #flush(): void {
    if (this.#complete === 0) return;
    this.#emit(this.#complete, 0);
    this.#buffer.copyWithin(0, this.#complete, this.#length);
    this.#length -= this.#complete;
    this.#complete = 0;
    this.#firstTime = this.#length > 0 ? this.#time : undefined;
  }

  /** Gives a whole buffer of an entry that goes on; `behind` bytes of what was just read are not in it. */
  #flushWithin(behind: number): void {
    this.#emit(this.#length, this.#entryBytes - behind);
    this.#length = 0;
    this.#firstTime = undefined;
  }

  #emit(length: number, offset: number): void {
    const places: [Places[0], Places[1]] = [this.#positions[0].place(), this.#positions[1].place()];
    if (offset > 0) places[this.#stream] = this.#positions[this.#stream].place(offset);
    this.#chunks.push({
      stream: names[this.#stream],
      data: Buffer.from(this.#buffer.subarray(0, length)),
      ...(this.#firstTime !== undefined && { time: dateOfTime(this.#firstTime) }),
      cursor: encodeCursor(this.#tag, places),
    });
  }
}

function lost(): PodhandError {
  return new PodhandError('LOG_LOST', 'the log was rotated past the place of the cursor: what followed it may be lost');
}
