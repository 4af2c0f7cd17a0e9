import { PodhandError } from '../../../wire/errors.ts';
import type { FileFacts } from '../source.ts';
import { blockBytes, padding } from '../tar/entry.ts';
import { decodePax } from '../tar/pax.ts';
import { type RawHeader, readHeader } from './tar-header.ts';

/** Long names and PAX records: names have at most 4 KiB, extended attributes some more. */
const maxExtensionBytes = 1024 * 1024;

/** Names as they stand in the archive. */
export interface ReadEntry extends Omit<RawHeader, 'typeFlag'> {
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink' | 'FIFO' | 'device';
  /** Bytes of content that follow; 0 for all but files. */
  readonly size: number;
}

/** Bytes in batches, as an ResponseStream gives them. */
interface Source {
  read(): Promise<Buffer[] | undefined>;
}

/**
 * Reads an archive: ustar, PAX and GNU long names, names as bytes. Strict: whatever it does not know, a wrong checksum,
 * a length out of bounds or an end in the middle is FILE_CHANGED. An engine writes such an archive where a file shrinks
 * while it is read.
 */
export class TarReader {
  readonly #source: Source;
  #batch: Buffer[] = [];
  #left = 0;
  #padding = 0;

  constructor(source: Source) {
    this.#source = source;
  }

  /** The next entry, what is left of the content of the one before passed over; undefined at the end of the archive. */
  async next(): Promise<ReadEntry | undefined> {
    for await (const _ of this.content()) {
      // Passed over.
    }
    let pax: Map<string, Buffer> = new Map();
    let longName: Buffer | undefined;
    let longLink: Buffer | undefined;
    for (;;) {
      const block = await this.#exactly(blockBytes);
      const header = readHeader(block);
      if (header === 'end') return undefined;
      if (header === undefined) throw malformed();
      if (header.typeFlag === 'x') pax = decodePax(await this.#extension(header)) ?? fail();
      else if (header.typeFlag === 'L') longName = untilNul(await this.#extension(header));
      else if (header.typeFlag === 'K') longLink = untilNul(await this.#extension(header));
      else return this.#entry(header, pax, longName, longLink);
    }
  }

  /** What is left of the content of the last entry. */
  async *content(): AsyncGenerator<Buffer> {
    while (this.#left > 0) {
      const data = await this.#atMost(this.#left);
      this.#left -= data.length;
      yield data;
    }
    const rest = this.#padding;
    this.#padding = 0;
    if (rest > 0) await this.#exactly(rest);
  }

  #entry(header: RawHeader, pax: Map<string, Buffer>, longName?: Buffer, longLink?: Buffer): ReadEntry {
    const type = types.get(header.typeFlag) ?? fail();
    const number = (keyword: string, otherwise: number) => {
      const text = pax.get(keyword)?.toString('latin1');
      return text === undefined
        ? otherwise
        : /^-?\d{1,16}(\.\d{1,18})?$/.test(text)
          ? Math.floor(Number(text))
          : fail();
    };
    const size = number('size', header.size);
    if (size < 0 || !Number.isSafeInteger(size)) throw malformed();
    this.#left = type === 'file' ? size : 0;
    this.#padding = type === 'file' ? padding(size) : 0;
    return {
      type,
      path: pax.get('path') ?? longName ?? header.path,
      linkPath: pax.get('linkpath') ?? longLink ?? header.linkPath,
      mode: header.mode,
      uid: number('uid', header.uid),
      gid: number('gid', header.gid),
      size: this.#left,
      mtimeSeconds: number('mtime', header.mtimeSeconds),
    };
  }

  async #extension({ size }: RawHeader): Promise<Buffer> {
    if (size > maxExtensionBytes) throw malformed();
    return (await this.#exactly(size + padding(size))).subarray(0, size);
  }

  async #exactly(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let missing = length; missing > 0; ) {
      const part = await this.#atMost(missing);
      missing -= part.length;
      parts.push(part);
    }
    return parts.length === 1 ? (parts[0] ?? fail()) : Buffer.concat(parts);
  }

  /** The bytes that are there, or the next ones to come; at least one, at most `length`. */
  async #atMost(length: number): Promise<Buffer> {
    for (;;) {
      const first = this.#batch[0];
      if (first === undefined) {
        const batch = await this.#source.read();
        if (batch === undefined) throw malformed();
        this.#batch = batch;
      } else if (first.length <= length) {
        this.#batch.shift();
        if (first.length > 0) return first;
      } else {
        this.#batch[0] = first.subarray(length);
        return first.subarray(0, length);
      }
    }
  }
}

const types = new Map<string, ReadEntry['type']>([
  ['0', 'file'],
  ['\0', 'file'],
  ['1', 'hardlink'],
  ['2', 'symlink'],
  ['3', 'device'],
  ['4', 'device'],
  ['5', 'directory'],
  ['6', 'FIFO'],
]);

function untilNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end === -1 ? bytes : bytes.subarray(0, end);
}

function fail(): never {
  throw malformed();
}

function malformed(): PodhandError {
  return new PodhandError(
    'FILE_CHANGED',
    'the archive of the path breaks off: a file may have changed while it was read',
  );
}

export function factsOf({ type, size, mode, uid, gid, mtimeSeconds }: ReadEntry): FileFacts {
  return {
    type: type === 'directory' ? 'directory' : 'file',
    size,
    mode,
    uid,
    gid,
    modifiedAt: new Date(mtimeSeconds * 1000),
  };
}
