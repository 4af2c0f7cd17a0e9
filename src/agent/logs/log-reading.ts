import { PodhandError } from '../../wire/errors.ts';
import type { LogChunk, LogOptions } from '../executors/roles.ts';
import { encodeCursor } from './cursor.ts';
import { LogDecoder, type LogSelection, type MutableLineState } from './decoder.ts';
import type { LogGenerations } from './generations.ts';
import type { LogEnding } from './log-ending.ts';
import type { LogContent, LogFile } from './log-file.ts';
import type { LogStart } from './log-start.ts';
import type { LogWatch } from './log-watch.ts';

const blockBytes = 256 * 1024;
/** Docker cuts lines at 16 KiB; escaped that is less than 128 KiB. */
const longestJsonRecord = 1024 * 1024;
/** After a CRI log was rotated the runtime may still write to the old file for this many milliseconds. */
const rotationSettleMs = 50;
/** Between looks at a record whose end is not written yet. */
const tornRecordMs = 20;

export interface LogReadingParts {
  readonly generations: LogGenerations;
  readonly watch: LogWatch;
  readonly ending: LogEnding;
  readonly tag: Buffer;
  readonly selection: LogSelection;
  readonly options: LogOptions;
  readonly start: LogStart;
  /** Read no further than to this size of that file: it is what there was when a running container's log was opened. */
  readonly limit?: { readonly file: LogFile; readonly size: number };
}

type Verdict = 'read' | 'next' | 'end';

/** Reads the generations of one log from a place on, as chunks. */
export class LogReading {
  readonly #parts: LogReadingParts;
  readonly #state: MutableLineState;
  readonly #signal: AbortSignal;
  #limit: { readonly file: LogFile; readonly size: number } | undefined;
  #buffer: Buffer = Buffer.allocUnsafeSlow(blockBytes);
  /** Of the buffer's first byte, in the file. */
  #offset = 0;
  #filled = 0;
  /** Reached as soon as nothing more was read after it had been found. */
  #verdict: Verdict = 'read';
  #verified = true;
  #nextSeenAt: number | undefined;

  constructor(parts: LogReadingParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
    this.#limit = parts.limit;
    const { open, dropping, from } = parts.start.state;
    this.#state = { open: [...open], dropping: [...dropping], from: [...from] };
  }

  async *chunks(): AsyncGenerator<LogChunk> {
    const { generations, start } = this.#parts;
    let skip = start.skip;
    this.#offset = start.offset;
    for (let index = 0; ; index++) {
      const file = await this.#nextFile();
      if (index > 0) this.#state.from = [...(start.laterFrom[index - 1] ?? [0, 0])];
      const content = file.content(this.#offset);
      try {
        yield* this.#file(file, content, skip);
      } finally {
        content.close();
      }
      if (this.#verdict === 'end') return;
      await generations.advance();
      skip = 0;
      this.#offset = 0;
      this.#filled = 0;
      this.#verdict = 'read';
      this.#nextSeenAt = undefined;
    }
  }

  /** The file to read, awaited if there is none yet. */
  async #nextFile(): Promise<LogFile> {
    const { generations, watch, ending, options } = this.#parts;
    if (generations.current !== undefined) return generations.current;
    for (;;) {
      const hasEnded = ending.hasEnded;
      await generations.refresh();
      if (generations.current !== undefined) break;
      if (hasEnded || !options.follow) throw new PodhandError('LOGS_UNAVAILABLE', 'the container has no log file');
      await watch.wait(this.#signal);
    }
    // We were there before the log was; what rotation removed before this first look at it was never seen.
    if (generations.ahead > 0) throw lost('it was rotated before its first file could be opened');
    return generations.current;
  }

  async *#file(file: LogFile, content: LogContent, skip: number): AsyncGenerator<LogChunk> {
    let decoder: LogDecoder | undefined;
    for (;;) {
      this.#signal.throwIfAborted();
      await this.#limitOverdue(file);
      const count = this.#isAtLimit(file) ? 0 : await content.read(this.#room(file));
      if (count === 0) {
        if (this.#verdict !== 'read') return;
        await this.#atEnd(file, decoder);
        continue;
      }
      this.#verdict = 'read';
      if (!this.#verified) await this.#verify(file);
      this.#filled += count;
      decoder ??= await this.#decoder(file, skip);
      if (decoder !== undefined) yield* this.#decode(decoder);
    }
  }

  async #decoder(file: LogFile, skip: number): Promise<LogDecoder | undefined> {
    const format = await file.format();
    const mark = await file.mark();
    if (format === undefined || mark === undefined) return undefined;
    const { device, inode } = file;
    const { tag, selection } = this.#parts;
    return new LogDecoder(
      format,
      selection,
      this.#state,
      (offset, skipped, state) => encodeCursor(tag, { device, inode, mark, offset, skip: skipped, ...state }),
      skip,
    );
  }

  *#decode(decoder: LogDecoder): Generator<LogChunk> {
    const block = this.#buffer.subarray(0, this.#filled);
    const { consumed, chunks } = decoder.decode(block, this.#offset);
    yield* chunks;
    let read = consumed;
    if (consumed === 0 && (decoder.insideRecord || this.#filled === this.#buffer.length)) {
      if (!decoder.insideRecord && block[0] === 0x7b && this.#buffer.length < longestJsonRecord) {
        this.#buffer = Buffer.concat([this.#buffer, Buffer.allocUnsafe(this.#buffer.length)]);
        return;
      }
      yield* decoder.decodePart(block, this.#offset);
      read = this.#filled;
    }
    this.#buffer.copyWithin(0, read, this.#filled);
    this.#filled -= read;
    this.#offset += read;
  }

  /** Nothing more to read for now: finds out whether that is the end, or waits for more. */
  async #atEnd(file: LogFile, decoder: LogDecoder | undefined): Promise<void> {
    const { generations, watch, ending, options } = this.#parts;
    const isTorn = this.#filled > 0 || decoder?.insideRecord === true;
    const hasEnded = ending.hasEnded;
    const facts = await file.facts();
    if (this.#isAtLimit(file)) {
      if (isTorn && hasEnded && facts.size === this.#limit?.size) throw neverCompleted();
      this.#verdict = 'end';
      return;
    }
    if (!file.compressed && facts.size < this.#offset + this.#filled) throw truncated();
    if (generations.ahead === 0 && (watch.takeRotated() || hasEnded)) await generations.refresh();
    if (generations.ahead > 0) return this.#beforeNext(file, facts.modifiedMs, isTorn);
    if (generations.hasGap) throw lost('its files were rotated away before they could be read');
    if (hasEnded) return this.#afterEnd(facts.modifiedMs, isTorn);
    if (!options.follow) {
      this.#verdict = 'end';
      return;
    }
    this.#verified = file.compressed || this.#offset + this.#filled === 0;
    await watch.wait(this.#signal);
  }

  /** A newer file is there: the old one is complete once nobody writes to it any more. */
  async #beforeNext(file: LogFile, modifiedMs: number, isTorn: boolean): Promise<void> {
    const { generations, watch } = this.#parts;
    this.#nextSeenAt ??= performance.now();
    const sinceNext = performance.now() - this.#nextSeenAt;
    const isClosed = file.compressed || generations.ahead > 1 || (await file.format())?.name === 'docker-json';
    const quiet = Math.min(sinceNext, Math.max(Date.now() - modifiedMs, 0));
    const settle = isTorn ? rotationSettleMs * 20 : rotationSettleMs;
    if (!isClosed && quiet < settle && sinceNext < settle * 2) {
      await watch.pause(this.#signal, isTorn ? tornRecordMs : settle - quiet);
    } else if (isTorn) {
      throw lost('an older file of it ends within a record');
    } else {
      this.#verdict = 'next';
    }
  }

  async #afterEnd(modifiedMs: number, isTorn: boolean): Promise<void> {
    const { watch, ending } = this.#parts;
    const remaining = ending.remaining(modifiedMs);
    if (remaining > 0 && !ending.isOverdue) {
      await watch.pause(this.#signal, remaining);
    } else if (!isTorn) {
      this.#verdict = 'end';
    } else if (ending.isOverdue) {
      throw neverCompleted();
    } else {
      await watch.pause(this.#signal, tornRecordMs);
    }
  }

  /** A log that grows without end after its container's is read up to where it was when its time was up. */
  async #limitOverdue(file: LogFile): Promise<void> {
    const { ending, generations } = this.#parts;
    if (this.#limit !== undefined || !ending.isOverdue || generations.ahead > 0 || file.compressed) return;
    this.#limit = { file, size: (await file.facts()).size };
  }

  #isAtLimit(file: LogFile): boolean {
    return this.#limit?.file === file && this.#offset + this.#filled >= this.#limit.size;
  }

  #room(file: LogFile): Buffer {
    const room = this.#buffer.subarray(this.#filled);
    if (this.#limit?.file !== file) return room;
    return room.subarray(0, this.#limit.size - this.#offset - this.#filled);
  }

  /** What grew after a wait must be the file that was read before, not another one written in its place. */
  async #verify(file: LogFile): Promise<void> {
    this.#verified = true;
    if ((await file.mark(true)) !== (await file.mark())) throw truncated();
  }
}

function truncated(): PodhandError {
  return lost('it was truncated in place while it was read');
}

function neverCompleted(): PodhandError {
  return lost('its last record was never completed');
}

function lost(why: string): PodhandError {
  return new PodhandError('LOG_LOST', `a part of the log is lost: ${why}`);
}
