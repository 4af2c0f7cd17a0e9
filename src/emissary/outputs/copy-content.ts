import type { Files } from '../system.ts';

const chunkBytes = 65536;

/** Gives the content of a file piece by piece, up to `limit` bytes; answers how many there were. */
export function copyContent(
  files: Files,
  path: string,
  take: (bytes: Uint8Array<ArrayBuffer>) => void,
  limit: number = Number.POSITIVE_INFINITY,
): number {
  const fd = files.open(path, 'read');
  const buffer = new Uint8Array(chunkBytes);
  let total = 0;
  try {
    while (total < limit) {
      const count = files.read(fd, buffer.subarray(0, Math.min(chunkBytes, limit - total)));
      if (count === 0) break;
      take(buffer.subarray(0, count));
      total += count;
    }
    return total;
  } finally {
    files.close(fd);
  }
}
