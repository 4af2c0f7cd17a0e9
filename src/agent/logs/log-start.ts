import { PodhandError } from '../../wire/errors.ts';
import type { LogOptions } from '../executors/roles.ts';
import { decodeCursor, type LineState, type LogPosition } from './cursor.ts';
import type { LogFile } from './log-file.ts';
import type { StreamIndex } from './record.ts';
import { findTail } from './tail.ts';

/** Where a reading begins. */
export interface LogStart {
  /** Of the files, oldest first. */
  readonly index: number;
  readonly offset: number;
  readonly skip: number;
  readonly state: LineState;
  /** `from` of the files after the first, where it is not 0. */
  readonly laterFrom: readonly (readonly [number, number])[];
}

const atLineStart: LineState = { open: [false, false], dropping: [false, false], from: [0, 0] };

/**
 * The place in the files that the options ask for: after the cursor, at the last lines, or the oldest file that can
 * hold something as new as `since`. Errors: INVALID_CURSOR, LOG_LOST where the cursor's file is gone.
 */
export async function findStart(
  files: readonly LogFile[],
  options: LogOptions,
  stream: StreamIndex | undefined,
  tag: Buffer,
  signal: AbortSignal,
): Promise<LogStart> {
  if (options.cursor !== undefined) return resume(files, decodeCursor(tag, options.cursor));
  if (options.tailLines !== undefined) {
    const { index, offset, from } = await findTail(files, options.tailLines, stream, signal);
    const state = { ...atLineStart, from: from[0] ?? atLineStart.from };
    return { index, offset, skip: 0, state, laterFrom: from.slice(1) };
  }
  const index = options.since === undefined ? 0 : await firstSince(files, options.since);
  return { index, offset: 0, skip: 0, state: atLineStart, laterFrom: [] };
}

/** Files that were last written before `since` hold nothing newer; the last one may still grow. */
async function firstSince(files: readonly LogFile[], since: Date): Promise<number> {
  for (const [index, file] of files.slice(0, -1).entries()) {
    if ((await file.facts()).modifiedMs >= since.getTime()) return index;
  }
  return Math.max(files.length - 1, 0);
}

async function resume(files: readonly LogFile[], position: LogPosition): Promise<LogStart> {
  const index = await findFile(files, position);
  if (index < 0) {
    throw new PodhandError('LOG_LOST', "the log's part that the cursor is in was rotated away or truncated");
  }
  const { offset, skip, open, dropping, from } = position;
  return { index, offset, skip, state: { open, dropping, from }, laterFrom: [] };
}

/** The file that the position is in, as it was or compressed since; -1 where it is gone. */
async function findFile(files: readonly LogFile[], position: LogPosition): Promise<number> {
  const at = files.findIndex((file) => file.inode === position.inode && file.device === position.device);
  const same = files[at];
  if (same !== undefined && (await same.mark()) === position.mark) {
    const isWhole = same.compressed || (await same.facts()).size >= position.offset;
    return isWhole ? at : -1;
  }
  for (const [index, file] of files.entries()) {
    if (file.compressed && (await file.mark()) === position.mark) return index;
  }
  return -1;
}
