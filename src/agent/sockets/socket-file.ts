import { closeSync } from 'node:fs';
import {
  O_NOFOLLOW,
  O_PATH,
  RESOLVE_NO_XDEV,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  strictlyBeneath,
} from '../linux/constants.ts';
import { openat2, unlinkat } from '../linux/file-calls.ts';
import { peerCredentials } from '../linux/socket-calls.ts';
import { type FileStatus, statx } from '../linux/statx.ts';
import { hasErrno, SyscallError } from '../linux/syscalls.ts';
import { accept, bindPath, connectPath, listen, unixStreamSocket } from '../linux/unix-socket.ts';

/** A file in some directory, by what cannot be swapped: `dev` and `ino`. */
export type FileIdentity = Pick<FileStatus, 'dev' | 'ino'>;

/** A listening socket of ours and the file that leads to it. As long as `fd` is open, no other file has this identity. */
export interface SocketFile extends FileIdentity {
  readonly fd: number;
}

/** What keeps a socket from being made: the kind of file that is in its place, or the errno's name. */
export interface Obstacle {
  readonly obstacle: string;
}

/** One name of a held directory, never more: nothing is followed, no mount crossed. */
const one = strictlyBeneath | RESOLVE_NO_XDEV;
const backlog = 511;

/**
 * Listens at `name` in a directory (O_PATH will do) whose contents may be another's and may change at any moment. A
 * socket that a dead agent left is replaced; whatever else is in the way stays there and is the answer. The mode comes
 * from the umask: a chmod would follow a link.
 */
export function makeSocketFile(directoryFd: number, name: string, mode: number): SocketFile | Obstacle {
  const fd = unixStreamSocket();
  let made: FileIdentity | Obstacle | undefined;
  try {
    made = bindInPlace(fd, directoryFd, name, mode) ?? listenInPlace(fd, directoryFd, name);
    return 'obstacle' in made ? made : { fd, ...made };
  } catch (error) {
    if (error instanceof SyscallError) return { obstacle: error.code };
    throw error;
  } finally {
    if (made === undefined || 'obstacle' in made) closeSync(fd);
  }
}

/** Whether `name` is still that file. */
export function isInPlace(directoryFd: number, name: string, file: FileIdentity): boolean {
  try {
    const found = statx(directoryFd, Buffer.from(name));
    return found.ino === file.ino && found.dev === file.dev;
  } catch (error) {
    if (error instanceof SyscallError) return false;
    throw error;
  }
}

/**
 * Removes `name` if it is that file, and says nothing if it is not or cannot be removed. What is swapped in between the
 * look and the removal is a name in the swapper's own directory: unlinkat follows nothing and removes no directory.
 */
export function removeSocketFile(directoryFd: number, name: string, file: FileIdentity): void {
  if (!isInPlace(directoryFd, name, file)) return;
  try {
    unlinkat(directoryFd, Buffer.from(name));
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
  }
}

/** Removes a socket that a dead agent left. Answers what is in the way where there is something else. */
export function removeDeadSocket(directoryFd: number, name: string): Obstacle | undefined {
  let pin: number;
  try {
    pin = openat2(directoryFd, Buffer.from(name), { flags: O_PATH | O_NOFOLLOW, resolve: one });
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    if (error instanceof SyscallError) return { obstacle: error.code };
    throw error;
  }
  try {
    const status = statx(pin);
    const kind = kinds.get(status.mode & S_IFMT) ?? 'file';
    if (kind !== 'socket' || !isDeadAgents(pin, status)) return { obstacle: kind };
    removeSocketFile(directoryFd, name, status);
    return undefined;
  } finally {
    closeSync(pin);
  }
}

function bindInPlace(fd: number, directoryFd: number, name: string, mode: number): Obstacle | undefined {
  const bind = (): void => {
    const before = process.umask(0o777 & ~mode);
    try {
      // Through the descriptor any directory fits into an address, and no name on the way to it can be swapped.
      bindPath(fd, `/proc/self/fd/${directoryFd}/${name}`);
    } finally {
      process.umask(before);
    }
  };
  try {
    bind();
    return undefined;
  } catch (error) {
    if (!hasErrno(error, 'EADDRINUSE')) throw error;
  }
  const found = removeDeadSocket(directoryFd, name);
  if (found === undefined) bind();
  return found;
}

/**
 * Begins to listen, and gives the identity of the file that we have just bound. What is in its place by now may be a
 * swapped one: it is ours only if a connection made to it comes out here.
 */
function listenInPlace(fd: number, directoryFd: number, name: string): FileIdentity | Obstacle {
  listen(fd, backlog);
  const pin = openat2(directoryFd, Buffer.from(name), { flags: O_PATH | O_NOFOLLOW, resolve: one });
  const probe = unixStreamSocket();
  try {
    const { mode, dev, ino } = statx(pin);
    if ((mode & S_IFMT) !== S_IFSOCK) return { obstacle: 'swapped' };
    connectPath(probe, `/proc/self/fd/${pin}`);
    return acceptsOwn(fd) ? { dev, ino } : { obstacle: 'swapped' };
  } finally {
    closeSync(probe);
    closeSync(pin);
  }
}

/** Whether this process is among who waits to be accepted. The others, a moment too early, are closed and call again. */
function acceptsOwn(fd: number): boolean {
  try {
    for (let taken = 0; taken <= backlog; taken++) {
      const connection = accept(fd);
      try {
        if (peerCredentials(connection).pid === process.pid) return true;
      } finally {
        closeSync(connection);
      }
    }
  } catch (error) {
    if (!hasErrno(error, 'EAGAIN')) throw error;
  }
  return false;
}

/**
 * Ours, and dead: made by root or by the user that this agent is, and nobody listens. A pod's root can make such a
 * socket as well; all that it loses by that is that name in its own directory.
 */
function isDeadAgents(pin: number, { uid }: FileStatus): boolean {
  if (uid !== 0 && uid !== process.geteuid?.()) return false;
  const probe = unixStreamSocket();
  try {
    connectPath(probe, `/proc/self/fd/${pin}`);
    return false;
  } catch (error) {
    if (error instanceof SyscallError) return error.code === 'ECONNREFUSED';
    throw error;
  } finally {
    closeSync(probe);
  }
}

const kinds = new Map([
  [S_IFSOCK, 'socket'],
  [S_IFLNK, 'symlink'],
  [S_IFREG, 'file'],
  [S_IFDIR, 'directory'],
  [S_IFIFO, 'fifo'],
  [S_IFCHR, 'device'],
  [S_IFBLK, 'device'],
]);
