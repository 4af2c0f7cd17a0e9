import { seekData, seekHole } from '../linux/copy-calls.ts';
import type { FileStatus } from '../linux/statx.ts';
import { hasErrno } from '../linux/syscalls.ts';
import type { Segment } from './tar/entry.ts';

/** A file torn into more pieces is given as if the rest had no holes. */
const maxSegments = 50_000;

/**
 * Where an open file holds data; undefined where it has no holes worth telling. Moves the descriptor's position.
 * Files without holes cost no system call.
 */
export function dataSegments(fd: number, { size, blocks }: FileStatus, step: () => void): Segment[] | undefined {
  if (blocks * 512 >= size || size < 4096) return undefined;
  const segments: Segment[] = [];
  try {
    for (let at = 0; at < size; ) {
      step();
      const start = seekData(fd, at);
      if (start === -1 || start >= size) break;
      const end = segments.length === maxSegments - 1 ? size : seekHole(fd, start);
      const until = end === -1 ? size : Math.min(end, size);
      segments.push({ offset: start, length: until - start });
      at = until;
    }
  } catch (error) {
    // The file system does not tell.
    if (hasErrno(error, 'EINVAL', 'EOPNOTSUPP')) return undefined;
    throw error;
  }
  // Compressed, or stored in its inode: fewer blocks, no hole.
  return segments.length === 1 && segments[0]?.length === size ? undefined : segments;
}
