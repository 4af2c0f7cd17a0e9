import { blockBytes, dataBytes, padding, type Segment } from './entry.ts';
import { decodePax } from './pax.ts';
import { parseSparseMap } from './sparse.ts';

/** What stands before the content of an entry in an archive that somebody else wrote. */
export interface ReadEntry {
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink' | 'fifo' | 'device' | 'other';
  /** As it stands there, but for slashes at the end: it may be absolute and hold `..`. */
  readonly path: Buffer;
  readonly linkPath: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  /** Of the file, holes included. */
  readonly size: number;
  /** Bytes of content that follow. */
  readonly contentBytes: number;
  /** Where the content belongs in a sparse file. */
  readonly segments?: readonly Segment[];
}

/** The archive is not one, is cut short, or has a form that is not known. */
export class TarFormatError extends Error {
  override readonly name = 'TarFormatError';
}

const maxExtendedBytes = 1024 * 1024;
const maxSegments = 100_000;
/** PAX, PAX for all that follows, GNU's long name and long link. */
const extensions: ReadonlySet<number> = new Set([0x78, 0x67, 0x4c, 0x4b]);
const types = new Map<number, ReadEntry['type']>([
  [0x00, 'file'],
  [0x30, 'file'],
  [0x37, 'file'],
  [0x31, 'hardlink'],
  [0x32, 'symlink'],
  [0x33, 'device'],
  [0x34, 'device'],
  [0x35, 'directory'],
  [0x36, 'fifo'],
]);

/**
 * Reads an archive (ustar, PAX, GNU long names, GNU sparse 1.0) from blocks of bytes as they come: `pull` gives the next
 * piece, or undefined at the end. Synchronous; holds one piece and one header in memory.
 */
export class TarReader {
  readonly #pull: () => Buffer | undefined;
  #piece: Buffer = Buffer.alloc(0);
  /** Of the present entry: content, then padding. */
  #content = 0;
  #padding = 0;

  constructor(pull: () => Buffer | undefined) {
    this.#pull = pull;
  }

  /** The next entry; what was not read of the one before is skipped. Undefined at the end. Throws TarFormatError. */
  next(): ReadEntry | undefined {
    const extended = new Map<string, Buffer>();
    const global = new Map<string, Buffer>();
    let headerBytes = 0;
    for (;;) {
      this.#skip(this.#content + this.#padding);
      this.#content = 0;
      this.#padding = 0;
      const block = this.#take(blockBytes, true);
      if (block === undefined || isZero(block)) return undefined;
      verify(block);
      const size = number(block, 124, 12);
      const flag = block[156] ?? 0;
      if (!extensions.has(flag)) return this.#entry(block, new Map([...global, ...extended]));
      // Of one entry there may be several: a small archive must not become many of them in memory.
      headerBytes += size;
      if (headerBytes > maxExtendedBytes) throw new TarFormatError('extended headers of over 1 MiB');
      this.#extend(flag === 0x67 ? global : extended, flag, size);
    }
  }

  /** The next piece of the present entry's content; undefined at its end. Throws TarFormatError. */
  content(): Buffer | undefined {
    if (this.#content === 0) return undefined;
    const piece = this.#some(this.#content);
    this.#content -= piece.length;
    return piece;
  }

  #entry(block: Buffer, records: ReadonlyMap<string, Buffer>): ReadEntry {
    const flag = block[156] ?? 0;
    const stored = decimal(records.get('size')) ?? number(block, 124, 12);
    const path = trimSlashes(records.get('GNU.sparse.name') ?? records.get('path') ?? ustarPath(block));
    const type = types.get(flag) ?? 'other';
    const hasContent = type === 'file' || type === 'other';
    this.#content = hasContent ? stored : 0;
    this.#padding = hasContent ? padding(stored) : 0;
    const sparse = type === 'file' ? this.#sparse(records) : undefined;
    return {
      type,
      path,
      linkPath: records.get('linkpath') ?? cString(block.subarray(157, 257)),
      mode: number(block, 100, 8) & 0o7777,
      uid: decimal(records.get('uid')) ?? number(block, 108, 8),
      gid: decimal(records.get('gid')) ?? number(block, 116, 8),
      mtimeSeconds: Math.floor(decimal(records.get('mtime')) ?? number(block, 136, 12)),
      size: sparse?.size ?? (hasContent ? stored : 0),
      contentBytes: this.#content,
      ...(sparse && { segments: sparse.segments }),
    };
  }

  #sparse(records: ReadonlyMap<string, Buffer>): { segments: Segment[]; size: number } | undefined {
    const major = records.get('GNU.sparse.major')?.toString('latin1');
    if (major === undefined && !records.has('GNU.sparse.map') && !records.has('GNU.sparse.numblocks')) return undefined;
    const size = decimal(records.get('GNU.sparse.realsize'));
    if (major !== '1' || size === undefined) throw new TarFormatError('a sparse file in a form that is not known');
    const parsed = sparseMapOf(this.#sparseMap(), size);
    if (parsed === undefined || dataBytes(parsed.segments) !== this.#content)
      throw new TarFormatError('a sparse file that is not as its map says');
    return { segments: parsed.segments, size };
  }

  /** The blocks that the map takes: as many lines as its first one says, none of them as long as a block. */
  #sparseMap(): Buffer {
    const blocks: Buffer[] = [];
    let lines = 0;
    let wanted = 1;
    do {
      if (this.#content < blockBytes) throw new TarFormatError('a sparse file without its map');
      const block = Buffer.from(this.#take(blockBytes, false));
      this.#content -= blockBytes;
      if (blocks.length === 0) wanted = 1 + 2 * Number.parseInt(block.toString('latin1', 0, 16), 10);
      blocks.push(block);
      const before = lines;
      for (let at = block.indexOf(0x0a); at !== -1; at = block.indexOf(0x0a, at + 1)) lines++;
      if (!(wanted <= 1 + 2 * maxSegments) || lines === before) throw new TarFormatError('a malformed sparse map');
    } while (lines < wanted);
    return Buffer.concat(blocks);
  }

  #extend(into: Map<string, Buffer>, flag: number, size: number): void {
    if (flag === 0x4c) into.set('path', cString(this.#body(size)));
    else if (flag === 0x4b) into.set('linkpath', cString(this.#body(size)));
    else for (const [key, value] of this.#records(size)) into.set(key, value);
  }

  #records(size: number): Map<string, Buffer> {
    const records = decodePax(this.#body(size));
    if (records === undefined) throw new TarFormatError('a malformed extended header');
    return records;
  }

  #body(size: number): Buffer {
    const body = Buffer.from(this.#take(size, false));
    this.#skip(padding(size));
    return body;
  }

  #take(size: number, mayEnd: false): Buffer;
  #take(size: number, mayEnd: boolean): Buffer | undefined;
  #take(size: number, mayEnd: boolean): Buffer | undefined {
    const parts: Buffer[] = [];
    for (let rest = size; rest > 0; ) {
      if (mayEnd && rest === size && !this.#fill()) return undefined;
      const part = this.#some(rest);
      parts.push(part);
      rest -= part.length;
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }

  #skip(size: number): void {
    for (let rest = size; rest > 0; ) rest -= this.#some(rest).length;
  }

  #some(most: number): Buffer {
    if (!this.#fill()) throw new TarFormatError('the archive is cut short');
    const part = this.#piece.subarray(0, most);
    this.#piece = this.#piece.subarray(part.length);
    return part;
  }

  /** False at the end of the input. */
  #fill(): boolean {
    while (this.#piece.length === 0) {
      const piece = this.#pull();
      if (piece === undefined) return false;
      this.#piece = piece;
    }
    return true;
  }
}

function sparseMapOf(map: Buffer, size: number): ReturnType<typeof parseSparseMap> {
  try {
    return parseSparseMap(map, size, maxSegments);
  } catch (error) {
    throw new TarFormatError(error instanceof Error ? error.message : 'a malformed sparse map');
  }
}

function verify(block: Buffer): void {
  let sum = 0;
  for (let at = 0; at < blockBytes; at++) sum += at >= 148 && at < 156 ? 0x20 : (block[at] ?? 0);
  if (sum !== number(block, 148, 8)) throw new TarFormatError('a header whose checksum is wrong');
}

/** Octal digits, or base 256 where the first bit is set. */
function number(block: Buffer, at: number, length: number): number {
  if (((block[at] ?? 0) & 0x80) !== 0) {
    let value = (block[at] ?? 0) & 0x7f;
    for (let place = at + 1; place < at + length; place++) value = value * 256 + (block[place] ?? 0);
    if (!Number.isSafeInteger(value)) throw new TarFormatError('a number that is too large');
    return value;
  }
  const digits = cString(block.subarray(at, at + length))
    .toString('latin1')
    .trim();
  if (!/^[0-7]*$/.test(digits)) throw new TarFormatError('a number that is none');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function decimal(value: Buffer | undefined): number | undefined {
  const text = value?.toString('latin1');
  if (text === undefined) return undefined;
  if (!/^-?\d{1,16}(?:\.\d*)?$/.test(text)) throw new TarFormatError('a number that is none');
  return Number(text);
}

function ustarPath(block: Buffer): Buffer {
  const name = cString(block.subarray(0, 100));
  // GNU's own format has other things where ustar has the prefix.
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? cString(block.subarray(345, 500)) : Buffer.alloc(0);
  return Buffer.from(prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]));
}

function cString(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return Buffer.from(end === -1 ? bytes : bytes.subarray(0, end));
}

function trimSlashes(path: Buffer): Buffer {
  let end = path.length;
  while (end > 1 && path[end - 1] === 0x2f) end--;
  return path.subarray(0, end);
}

function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}
