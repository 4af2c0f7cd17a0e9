import { chmodSync, closeSync } from 'node:fs';
import {
  AT_REMOVEDIR,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  RESOLVE_NO_XDEV,
  strictlyBeneath,
} from '../../linux/constants.ts';
import { fchmod, getdents64, openat2, unlinkat } from '../../linux/file-calls.ts';
import { hasErrno } from '../../linux/syscalls.ts';

/** What is opened or made below a held directory: one name, nothing followed, no mount crossed. */
export const below = strictlyBeneath | RESOLVE_NO_XDEV;

const maxDepth = 1_000;

export interface Removal {
  /** What may still be removed; a tree that grows as fast as it is removed is left to its owner. */
  remaining: number;
  step(): void;
}

/**
 * Removes `name` from a directory, a tree with all it holds, with the calling thread's rights. What cannot be removed
 * stays: answers whether all of it is gone.
 */
export function removeTree(directoryFd: number, name: Buffer, removal: Removal, depth = 0): boolean {
  removal.step();
  if (--removal.remaining < 0 || depth > maxDepth) return false;
  try {
    unlinkat(directoryFd, name);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return true;
    if (!hasErrno(error, 'EISDIR', 'EPERM')) return false;
  }
  try {
    removeContent(directoryFd, name, removal, depth);
    unlinkat(directoryFd, name, AT_REMOVEDIR);
    return true;
  } catch (error) {
    return hasErrno(error, 'ENOENT');
  }
}

function removeContent(directoryFd: number, name: Buffer, removal: Removal, depth: number): void {
  const fd = openDirectory(directoryFd, name);
  try {
    const buffer = Buffer.allocUnsafe(32 * 1024);
    for (;;) {
      const batch = getdents64(fd, buffer);
      let left = 0;
      for (const entry of batch) if (!removeTree(fd, entry.name, removal, depth + 1)) left++;
      if (batch.length === 0 || left > 0) return;
    }
  } finally {
    closeSync(fd);
  }
}

/** Its mode is opened too, where it is ours: a tree may hold directories that their owner cannot write. */
function openDirectory(directoryFd: number, name: Buffer): number {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  try {
    const fd = openat2(directoryFd, name, { flags, resolve: below });
    tryTo(() => fchmod(fd, 0o700));
    return fd;
  } catch (error) {
    if (!hasErrno(error, 'EACCES')) throw error;
  }
  const path = openat2(directoryFd, name, { flags: O_PATH | O_DIRECTORY | O_NOFOLLOW, resolve: below });
  try {
    tryTo(() => chmodSync(`/proc/self/fd/${path}`, 0o700));
  } finally {
    closeSync(path);
  }
  return openat2(directoryFd, name, { flags, resolve: below });
}

function tryTo(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!hasErrno(error, 'EPERM', 'EROFS')) throw error;
  }
}
