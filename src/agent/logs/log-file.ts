import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';
import { PodhandError } from '../../wire/errors.ts';
import { criFormat } from './cri-format.ts';
import { dockerJsonFormat } from './docker-json-format.ts';
import type { LogFormat } from './record.ts';

/** A whole CRI record has at least this many bytes; the time is among them. */
const leastBytes = 30;
/** A docker record has its time at its end: its whole first line tells a file from others. */
const longestLine = 1024 * 1024;
const compressedBlockBytes = 256 * 1024;

/** One generation of a log, open. */
export class LogFile {
  readonly device: bigint;
  readonly inode: bigint;
  readonly compressed: boolean;
  readonly #handle: FileHandle;
  #begin: Buffer | undefined;

  constructor(handle: FileHandle, identity: { device: bigint; inode: bigint }, compressed: boolean) {
    this.#handle = handle;
    this.device = identity.device;
    this.inode = identity.inode;
    this.compressed = compressed;
  }

  /** Reads at a position of a file that is not compressed. 0: nothing there yet. */
  async readAt(target: Buffer, position: number): Promise<number> {
    const { bytesRead } = await this.#handle.read(target, 0, target.length, position);
    return bytesRead;
  }

  /** Size in bytes as it lies on the disk, and when it was last written (ms since the epoch). */
  async facts(): Promise<{ size: number; modifiedMs: number }> {
    const { size, mtimeMs } = await this.#handle.stat();
    return { size, modifiedMs: mtimeMs };
  }

  /** What the descriptor is open on, as the kernel says it now. */
  async identity(): Promise<{ device: bigint; inode: bigint }> {
    const { dev, ino } = await this.#handle.stat({ bigint: true });
    return { device: dev, inode: ino };
  }

  /** The bytes from `offset` of the (uncompressed) content. */
  content(offset: number): LogContent {
    return this.compressed ? new CompressedContent(this.#handle, offset) : new PlainContent(this, offset);
  }

  /**
   * Hash of the file's first bytes; undefined while it has too few. With `fresh` it is read again: another hash then
   * means that the file was truncated and written anew.
   */
  async mark(fresh = false): Promise<bigint | undefined> {
    const begin = await this.#beginning(fresh);
    return begin === undefined ? undefined : createHash('sha256').update(begin).digest().readBigUInt64LE();
  }

  /** What the file is written in; undefined while it has too few bytes. Errors: LOGS_UNAVAILABLE. */
  async format(): Promise<LogFormat | undefined> {
    const first = (await this.#beginning(false))?.[0];
    if (first === undefined) return undefined;
    if (first === 0x7b) return dockerJsonFormat;
    if (first >= 0x30 && first <= 0x39) return criFormat;
    throw new PodhandError('LOGS_UNAVAILABLE', 'the log is neither in the CRI format nor a docker json-file');
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async #beginning(fresh: boolean): Promise<Buffer | undefined> {
    if (this.#begin !== undefined && !fresh) return this.#begin;
    const content = this.content(0);
    try {
      const begin = await readBeginning(content);
      this.#begin ??= begin;
      return begin;
    } finally {
      content.close();
    }
  }
}

/** What tells the file from every other, the time of its first record included; undefined while it is not there. */
async function readBeginning(content: LogContent): Promise<Buffer | undefined> {
  let begin = Buffer.allocUnsafe(512);
  let filled = 0;
  for (;;) {
    const count = await content.read(begin.subarray(filled));
    if (count === 0) return undefined;
    const end = begin.subarray(0, filled + count).indexOf(0x0a, filled);
    filled += count;
    if (begin[0] !== 0x7b && filled >= leastBytes) return begin.subarray(0, leastBytes);
    if (end >= 0) return begin.subarray(0, end);
    if (filled < begin.length) continue;
    if (filled >= longestLine) return begin.subarray(0, longestLine);
    begin = Buffer.concat([begin, Buffer.allocUnsafe(begin.length)]);
  }
}

/** A file's content, read forwards. */
export interface LogContent {
  /** At most `target.length` bytes; 0 at the present end. */
  read(target: Buffer): Promise<number>;
  close(): void;
}

class PlainContent implements LogContent {
  readonly #file: LogFile;
  #position: number;

  constructor(file: LogFile, position: number) {
    this.#file = file;
    this.#position = position;
  }

  async read(target: Buffer): Promise<number> {
    const count = await this.#file.readAt(target, this.#position);
    this.#position += count;
    return count;
  }

  close(): void {}
}

/** Decompresses from the beginning, for there is no other way, and drops what comes before the position. */
class CompressedContent implements LogContent {
  readonly #gunzip: Gunzip;
  readonly #chunks: AsyncIterator<Buffer>;
  #left: Buffer = Buffer.alloc(0);
  #before: number;

  constructor(handle: FileHandle, position: number) {
    this.#before = position;
    this.#gunzip = createGunzip();
    const file = Readable.from(readWhole(handle), { objectMode: false });
    file.on('error', (error) => this.#gunzip.destroy(error));
    this.#gunzip.on('close', () => file.destroy());
    this.#chunks = file.pipe(this.#gunzip)[Symbol.asyncIterator]();
  }

  async read(target: Buffer): Promise<number> {
    while (this.#left.length === 0) {
      const next = await this.#next();
      if (next === undefined) return 0;
      const dropped = Math.min(this.#before, next.length);
      this.#before -= dropped;
      this.#left = next.subarray(dropped);
    }
    const count = this.#left.copy(target);
    this.#left = this.#left.subarray(count);
    return count;
  }

  close(): void {
    this.#gunzip.destroy();
  }

  async #next(): Promise<Buffer | undefined> {
    try {
      const { value, done } = await this.#chunks.next();
      if (done !== true) return value;
    } catch (cause) {
      throw new PodhandError('LOG_LOST', 'a compressed older part of the log is damaged', { cause });
    }
    if (this.#before > 0) throw new PodhandError('LOG_LOST', 'an older part of the log is shorter than it was');
    return undefined;
  }
}

/** Leaves the file open. */
async function* readWhole(handle: FileHandle): AsyncGenerator<Buffer> {
  for (let position = 0; ; ) {
    const block = Buffer.allocUnsafe(compressedBlockBytes);
    const { bytesRead } = await handle.read(block, 0, block.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield block.subarray(0, bytesRead);
  }
}
