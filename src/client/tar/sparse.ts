import type { ByteReader } from './byte-reader.ts';
import { blockSize, brokenArchive } from './header.ts';

/** Where a piece of a sparse file belongs. Bytes. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

/** A map is text; this holds about half a million extents. */
const maxMapBytes = 16 * 1024 * 1024;

/**
 * The map of GNU's sparse format 1.0, which stands before the data of the entry: decimal numbers on lines of their own
 * (count, then offset and length of each extent), filled up to whole blocks. Also answers how many bytes it took.
 * Errors: INTERNAL where the map is malformed, too long, or does not fit into `realSize` and `dataSize`.
 */
export async function readSparseMap(
  reader: ByteReader,
  dataSize: number,
  realSize: number,
): Promise<{ extents: Extent[]; mapBytes: number }> {
  const numbers: number[] = [];
  let rest = '';
  let mapBytes = 0;
  while (numbers.length === 0 || numbers.length < 1 + 2 * (numbers[0] ?? 0)) {
    const block = mapBytes + blockSize > Math.min(dataSize, maxMapBytes) ? undefined : await reader.read(blockSize);
    if (block === undefined) throw brokenArchive('the map of a sparse file is cut off');
    mapBytes += blockSize;
    const lines = (rest + block.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    const wanted = numbers.length === 0 ? Number(lines[0]) * 2 + 1 : 1 + 2 * (numbers[0] ?? 0);
    numbers.push(...lines.slice(0, wanted - numbers.length).map(Number));
  }
  const extents = pairs(numbers.slice(1));
  checkExtents(extents, dataSize - mapBytes, realSize);
  return { extents, mapBytes };
}

function pairs(numbers: readonly number[]): Extent[] {
  return Array.from({ length: numbers.length / 2 }, (_, index) => ({
    offset: numbers[2 * index] ?? Number.NaN,
    length: numbers[2 * index + 1] ?? Number.NaN,
  }));
}

function checkExtents(extents: readonly Extent[], dataSize: number, realSize: number): void {
  let end = 0;
  let sum = 0;
  for (const { offset, length } of extents) {
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || length < 0 || offset < end) {
      throw brokenArchive('the map of a sparse file is out of order');
    }
    end = offset + length;
    sum += length;
  }
  if (end > realSize || sum > dataSize) throw brokenArchive('the map of a sparse file exceeds the file');
}
