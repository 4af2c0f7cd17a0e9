import { blockBytes, padding, type Segment } from './entry.ts';

/**
 * The map of a sparse file in GNU's format 1.0, which stands before the content: the number of segments, then offset and
 * length of each, in decimal lines, filled up to whole blocks. A hole at the end is told by an empty last segment.
 */
export function sparseMap(segments: readonly Segment[], size: number): Buffer {
  const last = segments.at(-1);
  const ended = last !== undefined && last.offset + last.length === size;
  const all = ended ? segments : [...segments, { offset: size, length: 0 }];
  const text = `${all.length}\n${all.map(({ offset, length }) => `${offset}\n${length}\n`).join('')}`;
  return Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(padding(text.length))]);
}

/**
 * Reads such a map from the beginning of `bytes`. `consumed` counts whole blocks. Undefined: more bytes are needed.
 * Throws RangeError for what is no map, or one of a file over `size` or with over `most` segments.
 */
export function parseSparseMap(
  bytes: Buffer,
  size: number,
  most: number,
): { segments: Segment[]; consumed: number } | undefined {
  const numbers: number[] = [];
  for (let at = 0, wanted = 1; numbers.length < wanted; ) {
    const end = bytes.indexOf(0x0a, at);
    if (end === -1) {
      if (bytes.length - at > 20) throw new RangeError('a number of the sparse map is too long');
      return undefined;
    }
    const digits = bytes.toString('latin1', at, end);
    if (!/^\d{1,16}$/.test(digits)) throw new RangeError('the sparse map holds something other than numbers');
    if (numbers.push(Number(digits)) === 1) wanted = 1 + 2 * Number(digits);
    if (wanted > 1 + 2 * most) throw new RangeError(`the sparse map has over ${most} segments`);
    at = end + 1;
    if (numbers.length === wanted) {
      const consumed = at + padding(at);
      return bytes.length < consumed ? undefined : { segments: pairs(numbers, size), consumed };
    }
  }
  return { segments: [], consumed: blockBytes };
}

function pairs(numbers: readonly number[], size: number): Segment[] {
  const segments: Segment[] = [];
  let end = 0;
  for (let at = 1; at < numbers.length; at += 2) {
    const offset = numbers[at] ?? 0;
    const length = numbers[at + 1] ?? 0;
    if (offset < end || offset + length > size) throw new RangeError('the sparse map does not fit its file');
    end = offset + length;
    if (length > 0) segments.push({ offset, length });
  }
  return segments;
}
