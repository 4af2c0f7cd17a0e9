import { PodhandError } from '../../../wire/errors.ts';
import type { LogTime } from './log-time.ts';

/** 0 is stdout, 1 is stderr. */
export type StreamIndex = 0 | 1;

/**
 * Takes a log entry by entry: what the engine stores with one time. A line is one entry, or where it is longer than
 * 16 KiB several with the same time, of which the last has the newline.
 */
export interface EntrySink {
  begin(stream: StreamIndex, time: LogTime, stamp: Buffer, stampAt: number): void;
  /** Some bytes of the entry that was begun, without the stamp. */
  bytes(data: Buffer, start: number, end: number): void;
  end(): void;
}

/** Cuts the engine's answer into entries. */
export interface EntryParser {
  push(data: Buffer): void;
  /** After the complete end of the answer. */
  finish(): void;
}

export function unreadable(): PodhandError {
  return new PodhandError('LOG_LOST', 'the runtime cannot read its log of this container any further');
}

/**
 * The server's own words stand where the log should go on: it cannot read it, or not follow it, for now (its runtime is
 * being restarted, it has no inotify instance left).
 */
export class LogComplaint extends Error {
  override readonly name = 'LogComplaint';
  /** Entries came before it. */
  readonly hasEntries: boolean;
  /** What to answer where it stays so. */
  readonly meaning: PodhandError;

  constructor(hasEntries: boolean, meaning: PodhandError) {
    super(meaning.message);
    this.hasEntries = hasEntries;
    this.meaning = meaning;
  }
}
