import type { FileHandle } from 'node:fs/promises';

const blockBytes = 64 * 1024;
const newline = 0x0a;

/** Where the last `lines` lines of a file of `size` bytes begin; what follows the last newline is a line too. */
export async function tailStart(file: FileHandle, size: number, lines: number, signal: AbortSignal): Promise<number> {
  if (lines === 0) return size;
  const block = Buffer.allocUnsafe(blockBytes);
  let left = lines;
  for (let end = size; end > 0; ) {
    signal.throwIfAborted();
    const start = Math.max(0, end - blockBytes);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    for (let at = block.lastIndexOf(newline, bytesRead - 1); bytesRead > 0 && at >= 0; ) {
      // The newline that ends the file ends its last line; it begins none.
      if (start + at + 1 < size && --left === 0) return start + at + 1;
      at = at === 0 ? -1 : block.lastIndexOf(newline, at - 1);
    }
    end = start;
  }
  return 0;
}
