import { closeSync } from 'node:fs';
import { PodhandError } from '../../../wire/errors.ts';
import {
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
} from '../../linux/constants.ts';
import { mkdirat, openat2, renameat2 } from '../../linux/file-calls.ts';
import { type FileStatus, statx } from '../../linux/statx.ts';
import { hasErrno } from '../../linux/syscalls.ts';
import { explaining } from '../errno.ts';
import { MountPolicy } from '../mounts.ts';
import { baseName, directoryName, quotePath } from '../path.ts';
import type { JobControl } from '../reader/control.ts';
import type { WritePlace } from '../reader/protocol.ts';
import { asBuffer } from '../reader/session.ts';
import { isDirectory, openInRoot } from '../resolve.ts';
import { below, removeTree } from './remove-tree.ts';
import { TemporaryName } from './temporary-name.ts';

/** A destination that others keep creating and removing is given up after so many tries. */
const maxTries = 16;
/** Of a tree that is replaced, or was begun and failed. */
const maxRemoved = 1_000_000;

/**
 * The place in the caller's root where something is to appear whole or not at all: it is made under a temporary name in
 * the same directory, and renamed. The directory is held open: what is swapped in its path meanwhile does not matter.
 * Nothing is flushed to disk: after a crash of the node the destination is there, or not, and may be empty, as with `cp`.
 * Every method runs with the rights of the calling thread, which are to be the caller's.
 */
export class Destination {
  readonly path: Buffer;
  readonly #directoryFd: number;
  readonly #name: Buffer;
  readonly #temporary: TemporaryName;
  readonly #overwrite: boolean;
  readonly #control: JobControl;
  #made: 'nothing' | 'file' | 'directory' = 'nothing';

  /** Errors: FILE_NOT_FOUND, DESTINATION_NOT_A_VOLUME, DESTINATION_EXISTS, PERMISSION_DENIED and those of a path. */
  constructor(to: WritePlace, control: JobControl) {
    this.path = asBuffer(to.path);
    this.#name = baseName(this.path);
    this.#overwrite = to.overwrite;
    this.#control = control;
    this.#temporary = new TemporaryName(to.podUid, this.path);
    this.#directoryFd = openVolume(to, this.path);
    try {
      // Early: nobody should wait for a copy that cannot be put in place.
      if (!this.#overwrite && this.#existing() !== undefined) throw exists(this.path);
      this.#removeAbandoned();
    } catch (error) {
      closeSync(this.#directoryFd);
      throw error;
    }
  }

  /** The temporary file, empty, to be written; closed by the receiver. */
  createFile(): number {
    const flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR;
    const how = { flags, mode: 0o600, resolve: below };
    const fd = explaining(this.path, 'write', () => openat2(this.#directoryFd, this.#temporary.name, how));
    this.#made = 'file';
    return fd;
  }

  /** The temporary directory, opened; closed by the receiver. */
  createDirectory(): number {
    return explaining(this.path, 'write', () => {
      mkdirat(this.#directoryFd, this.#temporary.name, 0o700);
      this.#made = 'directory';
      return openat2(this.#directoryFd, this.#temporary.name, {
        flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
        resolve: below,
      });
    });
  }

  /** Puts what was made in its place. Errors: DESTINATION_EXISTS, PATH_CHANGED. */
  commit(): void {
    explaining(this.path, 'write', () => {
      for (let tries = 1; !this.#rename(); tries++) {
        if (tries === maxTries) {
          throw new PodhandError('PATH_CHANGED', `${quotePath(this.path)} kept appearing and vanishing; call again`);
        }
      }
    });
  }

  /** Removes what was made and not put in place, and closes the directory. To be called in any case. */
  close(): void {
    try {
      if (this.#made !== 'nothing') this.#removeTemporary();
    } finally {
      closeSync(this.#directoryFd);
    }
  }

  /** False: something else appeared or vanished in between. */
  #rename(): boolean {
    const old = this.#overwrite ? this.#existing() : undefined;
    // A file gives way to a file in one step; else the two change places, and the old one is removed then.
    const replaces = old !== undefined && this.#made === 'file' && !isDirectory(old);
    const flags = replaces ? 0 : old === undefined ? RENAME_NOREPLACE : RENAME_EXCHANGE;
    try {
      renameat2(this.#directoryFd, this.#temporary.name, this.#directoryFd, this.#name, flags);
    } catch (error) {
      if (this.#overwrite && hasErrno(error, 'EEXIST', 'ENOENT', 'EISDIR')) return false;
      throw error;
    }
    if (flags === RENAME_EXCHANGE) this.#removeTemporary();
    this.#made = 'nothing';
    return true;
  }

  #existing(): FileStatus | undefined {
    try {
      return statx(this.#directoryFd, this.#name);
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  #removeTemporary(): void {
    this.#remove(this.#temporary.name, () => this.#control.cleanupStep());
  }

  /** What an agent that was killed had begun here: the client calls again, and nobody else knows of it. */
  #removeAbandoned(): void {
    try {
      // A pod may put names like these there, by the thousand: unlike our own, they can be left to the next call.
      for (const name of this.#temporary.abandoned(this.#directoryFd)) this.#remove(name, () => this.#control.step());
    } catch (error) {
      // A directory that may be written and not read keeps it.
      if (!hasErrno(error, 'EACCES')) throw error;
    }
  }

  #remove(name: Buffer, step: () => void): void {
    removeTree(this.#directoryFd, name, { remaining: maxRemoved, step });
  }
}

/** Opens the destination's directory, if it lies on a volume of the caller. */
function openVolume(to: WritePlace, path: Buffer): number {
  const directory = directoryName(path);
  const policy = new MountPolicy(to.mounts, to.allowed);
  policy.refuseHanging(directory);
  const fd = explaining(path, 'write', () => openInRoot(to.rootFd, directory, O_PATH | O_DIRECTORY));
  try {
    const status = statx(fd);
    if (policy.refusal(fd, status, directory) === undefined) return fd;
    const kind = policy.mountOf(status)?.kind ?? 'unknown';
    const message = `${quotePath(path)} does not lie on a volume of the calling container (it is on a mount of kind ${kind}); save to one of its volumes`;
    throw new PodhandError('DESTINATION_NOT_A_VOLUME', message, { details: { kind } });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function exists(path: Buffer): PodhandError {
  return new PodhandError('DESTINATION_EXISTS', `${quotePath(path)} exists; ask for overwriting, or name another`);
}
