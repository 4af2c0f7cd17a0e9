import { PodhandError } from '../../wire/errors.ts';

export const blockSize = 512;

/** One header block of a tar archive, before PAX records change it. Names are bytes. */
export interface Header {
  readonly name: Buffer;
  readonly linkName: Buffer;
  /** `0` file, `1` hard link, `2` symlink, `5` directory, `x` and `g` PAX records, `L` and `K` GNU's long names. */
  readonly type: string;
  readonly size: number;
  readonly mode: number;
  /** Seconds since 1970. */
  readonly modifiedAt: number;
}

/** The header in a block of 512 bytes; undefined for the zeros that end an archive. Errors: INTERNAL if it is none. */
export function parseHeader(block: Buffer): Header | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  if (checksum(block) !== numberAt(block, 148, 8)) throw brokenArchive('a header has a wrong checksum');
  const prefix = block.subarray(257, 263).toString('latin1') === 'ustar\0' ? textAt(block, 345, 155) : Buffer.alloc(0);
  const name = textAt(block, 0, 100);
  return {
    name: prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]),
    linkName: textAt(block, 157, 100),
    type: String.fromCharCode(block[156] || 0x30),
    size: numberAt(block, 124, 12),
    mode: numberAt(block, 100, 8),
    modifiedAt: numberAt(block, 136, 12),
  };
}

export function brokenArchive(what: string): PodhandError {
  return new PodhandError('INTERNAL', `broken tar archive: ${what}`);
}

function checksum(block: Buffer): number {
  // The checksum's own eight bytes count as blanks.
  return block.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 0x20 : byte), 0);
}

function textAt(block: Buffer, offset: number, length: number): Buffer {
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end));
}

/** Octal digits, or GNU's base 256 with the first bit set. */
function numberAt(block: Buffer, offset: number, length: number): number {
  const field = block.subarray(offset, offset + length);
  const first = field[0] ?? 0;
  if ((first & 0x80) === 0) {
    const digits = field
      .toString('latin1')
      .replace(/[\0 ]+/g, ' ')
      .trim();
    if (!/^[0-7]*$/.test(digits)) throw brokenArchive('a number of a header is not octal');
    return digits === '' ? 0 : Number.parseInt(digits, 8);
  }
  // Negative numbers occur as times before 1970 only.
  if ((first & 0x40) !== 0) return 0;
  const value = field.reduce((sum, byte, index) => sum * 256 + (index === 0 ? byte & 0x3f : byte), 0);
  if (!Number.isSafeInteger(value)) throw brokenArchive('a number of a header is too large');
  return value;
}
