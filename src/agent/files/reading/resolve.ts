import { closeSync } from 'node:fs';
import { PodhandError } from '../../../wire/errors.ts';
import {
  AT_FDCWD,
  fileSystemMagic as magic,
  O_DIRECTORY,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from '../../linux/constants.ts';
import { fstatfsType, openat2 } from '../../linux/file-calls.ts';
import { type FileStatus, statx } from '../../linux/statx.ts';
import { hasErrno } from '../../linux/syscalls.ts';
import { type MountTable, mayRead, refuseUnanswering } from './mounts.ts';

/** Renames can go on for ever; this many times they are let through. */
const maxTries = 128;

const readable: ReadonlySet<number> = new Set([
  magic.overlay,
  magic.ext4,
  magic.xfs,
  magic.btrfs,
  magic.tmpfs,
  magic.ramfs,
  magic.f2fs,
  magic.zfs,
  magic.squashfs,
  magic.erofs,
]);

/** Whether files of this file system are read at all; procfs, FUSE, NFS and whatever is not known are not. */
export function isReadableFileSystem(type: number): boolean {
  return readable.has(type);
}

export interface Opened {
  readonly fd: number;
  readonly status: FileStatus;
  readonly type: 'file' | 'directory';
}

/**
 * Opens a file or directory below `rootFd` for reading, as the kernel resolves it in that root, with the calling
 * thread's credentials. What the path leads to is first taken by O_PATH, which runs no driver, looked at, and only then
 * opened, by its descriptor. Errors: those of FileSource.
 */
export function openInRoot(rootFd: number, path: Buffer, mounts: MountTable): Opened {
  refuseUnanswering(mounts, path);
  const handle = lookUp(rootFd, path);
  try {
    const status = statx(handle);
    if (!isReadableFileSystem(fstatfsType(handle))) {
      throw new PodhandError('FILESYSTEM_REFUSED', 'the path is on a file system that podhand does not read');
    }
    if (!mayRead(mounts, status.mountId)) {
      throw new PodhandError('MOUNT_REFUSED', 'the path is on a mount that the agent is not configured to read');
    }
    const type = typeOf(status);
    if (type === undefined) {
      throw new PodhandError(
        'NOT_A_FILE_OR_DIRECTORY',
        'the path names a FIFO, socket or device; these are never opened',
      );
    }
    return { fd: reopen(handle, status, type), status, type };
  } finally {
    closeSync(handle);
  }
}

export function typeOf(status: FileStatus): 'file' | 'directory' | undefined {
  const type = status.mode & S_IFMT;
  return type === S_IFREG ? 'file' : type === S_IFDIR ? 'directory' : undefined;
}

/** Opens for reading exactly what the O_PATH descriptor stands for. */
export function reopen(handle: number, status: FileStatus, type: 'file' | 'directory'): number {
  const flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | (type === 'directory' ? O_DIRECTORY : 0);
  // The link is the kernel's own and leads to this very descriptor: nothing is looked up by name.
  const fd = openat2(AT_FDCWD, Buffer.from(`/proc/self/fd/${handle}`), { flags, resolve: 0 });
  const now = statx(fd);
  if (now.ino === status.ino && now.dev === status.dev) return fd;
  closeSync(fd);
  throw new PodhandError('PATH_CHANGED', 'the file changed while it was opened');
}

function lookUp(rootFd: number, path: Buffer): number {
  const name = path.length === 1 ? Buffer.from('.') : path.subarray(1);
  for (let tries = 0; tries < maxTries; tries += 1) {
    try {
      return openat2(rootFd, name, { flags: O_PATH, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS });
    } catch (error) {
      // A rename raced with the resolution; EXDEV is what a `..` that raced is told.
      if (!hasErrno(error, 'EAGAIN', 'EXDEV')) throw error;
    }
  }
  throw new PodhandError('PATH_CHANGED', 'the path kept being renamed while it was resolved');
}
