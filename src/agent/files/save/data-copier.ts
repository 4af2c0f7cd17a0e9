import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { SEEK_SET } from '../../linux/constants.ts';
import { copyFileRange, ficlone, lseek, sendfile } from '../../linux/copy-calls.ts';
import { hasErrno } from '../../linux/syscalls.ts';
import { shortened } from '../reader/read-content.ts';
import type { Segment } from '../tar/entry.ts';

/** Bytes in one system call: between two of them a copy can be ended. */
const pieceBytes = 16 * 1024 * 1024;
const bufferBytes = 256 * 1024;

export interface CopiedFile {
  readonly from: number;
  readonly to: number;
  /** Of the source when it was opened. */
  readonly size: number;
  /** Where it holds data; all of it if absent. */
  readonly segments: readonly Segment[] | undefined;
  /** For messages. */
  readonly path: Uint8Array;
}

type Way = 'clone' | 'range' | 'sendfile' | 'buffer';
const next = { clone: 'range', range: 'sendfile', sendfile: 'buffer', buffer: undefined } as const;

/**
 * Copies contents between open files by the shortest way that the two file systems allow: shared blocks, in-kernel copy,
 * through the page cache, through memory. What did not work once is not tried again for the same job.
 */
export class DataCopier {
  readonly #step: (bytes: number) => void;
  #way: Way = 'clone';
  #buffer: Buffer | undefined;

  constructor(step: (bytes: number) => void) {
    this.#step = step;
  }

  /** How the last file was copied. */
  get way(): Way {
    return this.#way;
  }

  /** Copies into an empty file. Holes stay holes. Errors: FILE_CHANGED where the source has become shorter. */
  copy(file: CopiedFile): void {
    const { to, size, segments } = file;
    if (size === 0) return;
    if (this.#way === 'clone' && this.#attempt(() => this.#clone(file)) !== undefined) return;
    for (const { offset, length } of segments ?? [{ offset: 0, length: size }]) {
      for (let done = 0; done < length; ) {
        const piece = Math.min(pieceBytes, length - done);
        const copied = this.#attempt(() => this.#piece(file, offset + done, piece));
        if (copied === undefined) continue;
        if (copied === 0) throw shortened(file.path, offset + done);
        done += copied;
        this.#step(copied);
      }
    }
    const last = segments?.at(-1);
    if (segments !== undefined && (last === undefined || last.offset + last.length < size)) ftruncateSync(to, size);
  }

  /** Undefined: not possible between these two; another way was chosen. */
  #attempt(action: () => number): number | undefined {
    try {
      return action();
    } catch (error) {
      const following = next[this.#way];
      const notPossible = hasErrno(error, 'EXDEV', 'EINVAL', 'ENOSYS', 'EOPNOTSUPP', 'ENOTTY');
      if (following === undefined || !notPossible) throw error;
      this.#way = following;
      return undefined;
    }
  }

  #clone({ from, to, size, path }: CopiedFile): number {
    ficlone(to, from);
    const now = fstatSync(to).size;
    if (now < size) throw shortened(path, now);
    // It grew after it was opened.
    if (now > size) ftruncateSync(to, size);
    this.#step(size);
    return size;
  }

  #piece({ from, to }: CopiedFile, at: number, length: number): number {
    if (this.#way === 'range') return copyFileRange(from, at, to, at, length);
    if (this.#way === 'sendfile') {
      lseek(to, at, SEEK_SET);
      return sendfile(to, from, at, length);
    }
    this.#buffer ??= Buffer.allocUnsafeSlow(bufferBytes);
    const got = readSync(from, this.#buffer, 0, Math.min(length, bufferBytes), at);
    for (let done = 0; done < got; ) done += writeSync(to, this.#buffer, done, got - done, at + done);
    return got;
  }
}
