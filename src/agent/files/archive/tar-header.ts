/** The fields of one 512-byte header. */
export interface RawHeader {
  readonly typeFlag: string;
  readonly path: Buffer;
  readonly linkPath: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeSeconds: number;
}

/** `end`: the block of zeros that ends an archive. undefined: it is no header. */
export function readHeader(block: Buffer): RawHeader | 'end' | undefined {
  if (block.every((byte) => byte === 0)) return 'end';
  if (!hasChecksum(block) || block.toString('latin1', 257, 262) !== 'ustar') return undefined;
  const numbers = {
    mode: number(block, 100, 8),
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    size: number(block, 124, 12),
    mtimeSeconds: number(block, 136, 12),
  };
  if (Object.values(numbers).some((value) => Number.isNaN(value)) || numbers.size < 0) return undefined;
  const name = text(block, 0, 100);
  // GNU's own format has other fields where ustar has the prefix.
  const prefix = block[263] === 0x30 ? text(block, 345, 155) : Buffer.alloc(0);
  const path = prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
  return {
    ...numbers,
    mode: numbers.mode & 0o7777,
    typeFlag: block.toString('latin1', 156, 157),
    path,
    linkPath: text(block, 157, 100),
  };
}

function text(block: Buffer, at: number, length: number): Buffer {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return Buffer.from(end === -1 ? field : field.subarray(0, end));
}

/** Octal, or where the first bit is set, two's complement with the highest byte first. NaN where it is neither. */
function number(block: Buffer, at: number, length: number): number {
  const field = block.subarray(at, at + length);
  const first = field[0] ?? 0;
  if (first >= 0x80) {
    let value = first === 0xff ? -1n : BigInt(first & 0x7f);
    for (const byte of field.subarray(1)) value = value * 256n + BigInt(byte);
    const result = Number(value);
    return Number.isSafeInteger(result) ? result : Number.NaN;
  }
  const digits = field
    .toString('latin1')
    .replace(/^ +/, '')
    .replace(/[ \0]+$/, '');
  if (digits === '') return 0;
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

function hasChecksum(block: Buffer): boolean {
  let sum = 0;
  for (let at = 0; at < block.length; at++) sum += at >= 148 && at < 156 ? 0x20 : (block[at] ?? 0);
  return number(block, 148, 8) === sum;
}
