import type { FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { PodhandError } from '../../../wire/errors.ts';
import type { LogChunk, LogOptions } from '../roles.ts';
import { decodeFileCursor, encodeFileCursor, type OutputFile } from './file-cursor.ts';
import { tailStart } from './file-tail.ts';
import { Pace } from './pace.ts';
import { Wakeup } from './wakeup.ts';

const chunkBytes = 65_536;
const newline = 0x0a;

export interface FileReading {
  readonly file: OutputFile;
  /** Of the attempt, for its cursors. */
  readonly tag: Buffer;
  readonly options: LogOptions;
  /** Whether the attempt has ended: then everything is in the file. */
  hasEnded(): boolean;
  /** Calls `wake` whenever it may have ended, until `signal` aborts. */
  onState(wake: () => void, signal: AbortSignal): void;
  /** Calls `wake` once when the file is written to; the answer cancels that. */
  onWritten(wake: () => void): (() => void) | undefined;
}

/**
 * The output that the emissary kept in one file, from a place on. Pulls; holds one block. The file is the pod's: it may
 * shrink or grow without end while it is read.
 */
export async function* readOutput(
  handle: FileHandle,
  reading: FileReading,
  signal: AbortSignal,
): AsyncGenerator<LogChunk> {
  const { options } = reading;
  const wakeup = new Wakeup();
  const pace = new Pace();
  const done = new AbortController();
  reading.onState(wakeup.wake, AbortSignal.any([signal, done.signal]));
  try {
    const { size } = await handle.stat();
    const lines = new LineReader(handle, reading, await startOf(handle, size, reading, signal));
    for (;;) {
      signal.throwIfAborted();
      // Asked before the file is read: what ended it comes after its last byte.
      const isLast = reading.hasEnded() || !options.follow;
      const cancel = isLast ? undefined : reading.onWritten(wakeup.wake);
      try {
        const chunk = await lines.next(reading.hasEnded() || options.follow ? Number.POSITIVE_INFINITY : size);
        if (chunk !== undefined) {
          yield chunk;
          continue;
        }
        if ((await handle.stat()).size < lines.offset) throw truncated();
        if (isLast) return;
        await wakeup.next(signal);
      } finally {
        cancel?.();
      }
      await sleep(pace.next(performance.now()), undefined, { signal });
    }
  } finally {
    done.abort();
  }
}

class LineReader {
  readonly #handle: FileHandle;
  readonly #reading: FileReading;
  readonly #block = Buffer.allocUnsafe(chunkBytes);
  #filled = 0;
  /** Of the first byte that was not given yet. */
  offset: number;

  constructor(handle: FileHandle, reading: FileReading, offset: number) {
    this.#handle = handle;
    this.#reading = reading;
    this.offset = offset;
  }

  /** The next bytes before `limit`, whole lines where they fit and are there; undefined at the end as it is now. */
  async next(limit: number): Promise<LogChunk | undefined> {
    for (;;) {
      const at = this.offset + this.#filled;
      const room = Math.max(0, Math.min(chunkBytes - this.#filled, limit - at));
      const { bytesRead } = await this.#handle.read(this.#block, this.#filled, room, at);
      this.#filled += bytesRead;
      const length = bytesRead === 0 ? this.#filled : wholeLines(this.#block.subarray(0, this.#filled));
      if (length > 0) return this.#take(length);
      if (bytesRead === 0) return undefined;
    }
  }

  #take(length: number): LogChunk {
    const { file, tag } = this.#reading;
    const data = Buffer.from(this.#block.subarray(0, length));
    this.#block.copyWithin(0, length, this.#filled);
    this.#filled -= length;
    this.offset += length;
    return { stream: file === 'stderr' ? 'stderr' : 'stdout', data, cursor: encodeFileCursor(tag, file, this.offset) };
  }
}

async function startOf(
  handle: FileHandle,
  size: number,
  { file, tag, options }: FileReading,
  signal: AbortSignal,
): Promise<number> {
  if (options.cursor !== undefined) {
    const offset = decodeFileCursor(tag, file, options.cursor);
    if (offset > size) throw truncated();
    return offset;
  }
  return options.tailLines === undefined ? 0 : await tailStart(handle, size, options.tailLines, signal);
}

/** The bytes up to the last newline; all, where one line fills the block. */
function wholeLines(bytes: Buffer): number {
  const end = bytes.lastIndexOf(newline) + 1;
  return end > 0 || bytes.length < chunkBytes ? end : bytes.length;
}

function truncated(): PodhandError {
  return new PodhandError('LOG_LOST', 'the file of the output was emptied: the next attempt may have begun');
}
