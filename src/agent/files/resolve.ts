import { closeSync, openSync } from 'node:fs';
import { PodhandError } from '../../wire/errors.ts';
import {
  O_DIRECTORY,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
} from '../linux/constants.ts';
import { openat2 } from '../linux/file-calls.ts';
import { type FileStatus, statx } from '../linux/statx.ts';
import { hasErrno } from '../linux/syscalls.ts';
import { fileError } from './errno.ts';
import type { MountPolicy } from './mounts.ts';
import { quotePath } from './path.ts';
import type { ReadPlace } from './reader/protocol.ts';

/** How often a resolution that a rename disturbed is tried. */
const maxTries = 128;

/** An open file and what it was when it was opened. The receiver closes `fd`. */
export interface OpenFile {
  readonly fd: number;
  readonly status: FileStatus;
}

/** Below what a path is resolved. */
type Place = Pick<ReadPlace, 'rootFd' | 'volume'>;

/** O_PATH descriptor of /proc/self/fd, for openers of every thread. The receiver closes it. */
export function openDescriptors(): number {
  return openSync('/proc/self/fd', O_PATH | O_DIRECTORY);
}

/** Opens files of a container. To be used inside `withCredentials`: the kernel checks the calling thread's rights. */
export class Opener {
  /** See openDescriptors: so that reopening walks no path that a mount could cover. */
  readonly #descriptors: number;

  constructor(descriptors: number) {
    this.#descriptors = descriptors;
  }

  /**
   * Resolves a parsed path inside the root and opens what is there without touching it (O_PATH), if its mount, its file
   * system and its type allow reading. Errors: those of FileSource.
   */
  resolve(place: Place, path: Buffer, policy: MountPolicy): OpenFile {
    policy.refuseHanging(path);
    const fd = place.volume ? openInVolume(place.rootFd, path, O_PATH) : openInRoot(place.rootFd, path, O_PATH);
    try {
      const status = statx(fd);
      const refusal = policy.refusal(fd, status, path);
      if (refusal !== undefined) throw refusal;
      return { fd, status };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /**
   * Opens the very file that an O_PATH descriptor holds, for reading; a directory for listing. The type was checked on
   * that descriptor, and this cannot lead to another file: a FIFO or device that was swapped in is never opened.
   */
  reopen(pathFd: number, status: FileStatus): number {
    const directory = isDirectory(status) ? O_DIRECTORY : 0;
    // O_NONBLOCK and O_NOCTTY are for nothing if all the above holds, and cost nothing.
    const flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | directory;
    return openat2(this.#descriptors, Buffer.from(String(pathFd), 'latin1'), { flags, resolve: 0 });
  }

  /** `reopen`, with the status of now. Errors: PATH_CHANGED where it is another file after all. */
  #reopenChecked(pathFd: number, status: FileStatus): OpenFile {
    const fd = this.reopen(pathFd, status);
    try {
      const now = statx(fd);
      if (now.ino !== status.ino || now.dev !== status.dev || (now.mode & S_IFMT) !== (status.mode & S_IFMT)) {
        throw new PodhandError('PATH_CHANGED', 'the file was replaced while it was opened; call again');
      }
      return { fd, status: now };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** `resolve`, the check of the type and `reopen` in one. Errors: also NOT_A_REGULAR_FILE. */
  openFile(place: Place, path: Buffer, policy: MountPolicy): OpenFile {
    const found = this.resolve(place, path, policy);
    try {
      if (!isRegular(found.status)) throw notRegular(found.status, path);
      return this.#reopenChecked(found.fd, found.status);
    } catch (error) {
      throw fileError(error, path);
    } finally {
      closeSync(found.fd);
    }
  }

  /** The same for a file or a directory. Errors: also NOT_A_FILE_OR_DIRECTORY. */
  openTree(place: Place, path: Buffer, policy: MountPolicy): OpenFile {
    const found = this.resolve(place, path, policy);
    try {
      if (!isRegular(found.status) && !isDirectory(found.status)) {
        const message = `${quotePath(path)} is a ${typeName(found.status)}, neither a regular file nor a directory`;
        throw new PodhandError('NOT_A_FILE_OR_DIRECTORY', message);
      }
      return this.#reopenChecked(found.fd, found.status);
    } catch (error) {
      throw fileError(error, path);
    } finally {
      closeSync(found.fd);
    }
  }
}

/**
 * Opens a parsed path as a process sees it whose root is `rootFd`: links, absolute ones included, stay inside, and links
 * of procfs that lead elsewhere are not followed. Errors: those of a path, PATH_CHANGED among them.
 */
export function openInRoot(rootFd: number, path: Buffer, flags: number): number {
  const how = { flags, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
  for (let tries = 1; ; tries++) {
    try {
      return openat2(rootFd, path, how);
    } catch (error) {
      // A rename somewhere on the node while `..` of a link was resolved: the kernel will not vouch for the result.
      if (!hasErrno(error, 'EAGAIN', 'EXDEV') || tries === maxTries) throw fileError(error, path);
    }
  }
}

/**
 * Opens a parsed path below the root of a volume, which it cannot leave: where an absolute link leads, or one that climbs
 * above the volume, only the container itself can tell. No mount within is entered either: its server may never answer.
 * Errors: those of a path, LINK_LEAVES_VOLUME and MOUNT_REFUSED among them.
 */
function openInVolume(rootFd: number, path: Buffer, flags: number): number {
  const below = path.length === 1 ? Buffer.from('.') : path.subarray(1);
  const resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  for (let tries = 1; ; tries++) {
    try {
      return openat2(rootFd, below, { flags, resolve });
    } catch (error) {
      if (hasErrno(error, 'EXDEV')) throw leavesVolume(rootFd, below, path);
      if (!hasErrno(error, 'EAGAIN') || tries === maxTries) throw fileError(error, path);
    }
  }
}

/** The kernel does not say whether it was a link or a mount. */
function leavesVolume(rootFd: number, below: Buffer, path: Buffer): PodhandError {
  try {
    closeSync(openat2(rootFd, below, { flags: O_PATH, resolve: RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV }));
  } catch (error) {
    if (hasErrno(error, 'EXDEV')) {
      return new PodhandError(
        'MOUNT_REFUSED',
        `${quotePath(path)} lies on a mount within its volume, which is not read`,
      );
    }
  }
  const message = `${quotePath(path)} leads through a symbolic link out of its volume, which is not followed`;
  return new PodhandError('LINK_LEAVES_VOLUME', message);
}

/** For one name in a directory that is held open; nothing is followed, mounts included unless asked for. */
export const entryFlags = O_PATH | O_NOFOLLOW;

export function isRegular({ mode }: FileStatus): boolean {
  return (mode & S_IFMT) === S_IFREG;
}

export function isDirectory({ mode }: FileStatus): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

function notRegular(status: FileStatus, path: Buffer): PodhandError {
  return new PodhandError(
    'NOT_A_REGULAR_FILE',
    `${quotePath(path)} is a ${typeName(status)}, not a regular file${isDirectory(status) ? '; collect it as tar' : ''}`,
  );
}

function typeName({ mode }: FileStatus): string {
  const type = mode & S_IFMT;
  if (type === S_IFDIR) return 'directory';
  if (type === S_IFIFO) return 'FIFO';
  return type === S_IFCHR || type === S_IFBLK ? 'device' : 'socket';
}
