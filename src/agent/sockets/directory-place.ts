import { closeSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_PATH, RESOLVE_NO_MAGICLINKS } from '../linux/constants.ts';
import { openat2 } from '../linux/file-calls.ts';
import { statx } from '../linux/statx.ts';
import { hasErrno, SyscallError } from '../linux/syscalls.ts';
import { type Obstacle, removeDeadSocket } from './socket-file.ts';
import type { OpenPlace, SocketPlace } from './socket-place.ts';

/** A pod uid that may be a directory's name. */
const uidShape = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** `<run directory>/pods/<pod uid>`, made by us: what a pod mounts by hostPath. */
export class DirectoryPlace implements SocketPlace {
  readonly kind = 'hostPath';
  readonly podUid: string;
  readonly #path: string;

  constructor(directory: string, podUid: string) {
    this.podUid = podUid;
    this.#path = join(directory, podUid);
  }

  open(): OpenPlace | Obstacle | undefined {
    if (!uidShape.test(this.podUid)) return { obstacle: 'uid' };
    try {
      mkdirSync(this.#path, { recursive: true, mode: 0o755 });
      const fd = openDirectory(this.#path);
      const { dev, ino } = statx(fd);
      // Whatever is mounted here was mounted by whoever made the node.
      return { fd, dev, ino, mounted: false };
    } catch (error) {
      if (error instanceof SyscallError || hasErrno(error, 'EEXIST', 'ENOTDIR', 'EACCES', 'EROFS', 'ENOSPC')) {
        return { obstacle: (error as { code: string }).code };
      }
      throw error;
    }
  }

  /** What a pod put there beside the socket stays. */
  left(): void {
    removeEmpty(this.#path);
  }
}

/** Removes the directories of pods that left while the agent was away. */
export function removeLeftDirectories(directory: string, isHere: (podUid: string) => boolean, name: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (!entry.isDirectory() || isHere(entry.name)) continue;
    const path = join(directory, entry.name);
    const fd = openDirectory(path);
    try {
      removeDeadSocket(fd, name);
    } finally {
      closeSync(fd);
    }
    removeEmpty(path);
  }
}

function openDirectory(path: string): number {
  const how = { flags: O_PATH | O_DIRECTORY | O_NOFOLLOW, resolve: RESOLVE_NO_MAGICLINKS };
  return openat2(AT_FDCWD, Buffer.from(path), how);
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    // Not empty, mounted, or gone: not ours to remove.
    if (!hasErrno(error, 'ENOTEMPTY', 'EBUSY', 'ENOENT', 'EPERM', 'ENOTDIR')) throw error;
  }
}
