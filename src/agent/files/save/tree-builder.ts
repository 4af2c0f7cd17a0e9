import { closeSync } from 'node:fs';
import {
  AT_FDCWD,
  AT_SYMLINK_FOLLOW,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  UTIME_OMIT,
} from '../../linux/constants.ts';
import { fchmod, linkat, mkdirat, openat2, symlinkat, utimensat } from '../../linux/file-calls.ts';
import { explaining } from '../errno.ts';
import { baseName } from '../path.ts';
import type { Destination } from './destination.ts';
import { below } from './remove-tree.ts';

/** What a file or directory is to look like. setuid and setgid are never set; owner and group are the caller's. */
export interface Attributes {
  readonly mode: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanos: number;
}

const dot = Buffer.from('.');
const root = Buffer.alloc(0);

/**
 * Builds a file or tree at a destination. Paths are relative to the top, parents before children; the empty path is the
 * top itself. Every step is taken from a directory that is held open and follows nothing, so that whoever swaps parts of
 * the half-built tree gets an error, or a tree that he has spoilt himself. The calling thread's rights are to be the caller's.
 */
export class TreeBuilder {
  readonly #destination: Destination;
  readonly #directories: { readonly path: Buffer; readonly attributes: Attributes }[] = [];
  #topFd: number | undefined;
  /** The directory of the last entry: most entries follow a sibling. */
  #parent: { readonly path: Buffer; readonly fd: number } | undefined;

  constructor(destination: Destination) {
    this.#destination = destination;
  }

  /** Attributes are set when all is there: a directory may be one that its owner must not write to. */
  directory(path: Buffer, attributes: Attributes): void {
    this.#explain(path, () => {
      if (path.length === 0) this.#topFd = this.#destination.createDirectory();
      else mkdirat(this.#parentOf(path), baseName(path), 0o700);
    });
    this.#directories.push({ path, attributes });
  }

  /** `write` fills the file, which is closed then. */
  file(path: Buffer, attributes: Attributes, write: (fd: number) => void): void {
    const flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY;
    const fd = this.#explain(path, () =>
      path.length === 0
        ? this.#destination.createFile()
        : openat2(this.#parentOf(path), baseName(path), { flags, mode: 0o600, resolve: below }),
    );
    try {
      this.#explain(path, () => {
        write(fd);
        setAttributes(fd, attributes);
      });
    } finally {
      closeSync(fd);
    }
  }

  symlink(path: Buffer, target: Buffer): void {
    this.#explain(path, () => symlinkat(target, this.#parentOf(path), baseName(path)));
  }

  /** A further name of the file at `earlier`. */
  hardlink(path: Buffer, earlier: Buffer): void {
    this.#explain(path, () => {
      const parent = this.#parentOf(path);
      // By descriptor: linkat would follow links in a path of several names.
      const fd = openat2(this.#top(), earlier, { flags: O_PATH | O_NOFOLLOW, resolve: below });
      try {
        linkat(AT_FDCWD, Buffer.from(`/proc/self/fd/${fd}`), parent, baseName(path), AT_SYMLINK_FOLLOW);
      } finally {
        closeSync(fd);
      }
    });
  }

  /** Sets the directories' attributes, the deepest first. */
  finish(step: () => void): void {
    for (const { path, attributes } of this.#directories.reverse()) {
      step();
      this.#explain(path, () => {
        const fd = openat2(this.#top(), path.length === 0 ? dot : path, directoryHow);
        try {
          setAttributes(fd, attributes);
        } finally {
          closeSync(fd);
        }
      });
    }
  }

  close(): void {
    if (this.#parent !== undefined) closeSync(this.#parent.fd);
    if (this.#topFd !== undefined) closeSync(this.#topFd);
    this.#parent = undefined;
    this.#topFd = undefined;
  }

  #top(): number {
    if (this.#topFd === undefined) throw new Error('the tree has no top directory yet');
    return this.#topFd;
  }

  #parentOf(path: Buffer): number {
    const slash = path.lastIndexOf(0x2f);
    const parent = slash === -1 ? root : path.subarray(0, slash);
    if (parent.length === 0) return this.#top();
    if (this.#parent?.path.equals(parent) === true) return this.#parent.fd;
    const fd = openat2(this.#top(), parent, directoryHow);
    if (this.#parent !== undefined) closeSync(this.#parent.fd);
    this.#parent = { path: parent, fd };
    return fd;
  }

  #explain<T>(path: Buffer, action: () => T): T {
    const { path: top } = this.#destination;
    return explaining(path.length === 0 ? top : Buffer.concat([top, Buffer.from('/'), path]), 'write', action);
  }
}

const directoryHow = { flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW, resolve: below };

function setAttributes(fd: number, { mode, mtimeSeconds, mtimeNanos }: Attributes): void {
  fchmod(fd, mode & 0o1777);
  utimensat(fd, null, { seconds: 0, nanos: UTIME_OMIT }, { seconds: mtimeSeconds, nanos: mtimeNanos }, 0);
}
