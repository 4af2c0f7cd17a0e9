import { closeSync, constants, futimesSync, linkSync, lstatSync, mkdirSync, openSync, symlinkSync } from 'node:fs';
import { PodhandError } from '../../wire/errors.ts';
import { errnoOf } from '../local-failure.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

interface OpenDirectory {
  readonly name: Buffer;
  readonly fd: number;
  modifiedAt?: number;
}

/**
 * Makes files, directories and links below one directory and nowhere else. Every component is opened by itself below
 * the descriptor of the one before, without following links: whatever an archive has put there, or another process
 * puts there meanwhile, nothing is made outside. What exists is never replaced.
 *
 * The directories of the last path stay open, since archives go depth first: at most 257 descriptors. Errors:
 * INVALID_PATH where a path leads through a link, meets itself again, or has a component that is too long.
 */
export class ConfinedTree {
  readonly #root: number;
  readonly #open: OpenDirectory[] = [];

  constructor(directory: string | Buffer) {
    this.#root = openSync(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }

  /** A new file, to be written through the descriptor and closed by the caller. */
  createFile(path: readonly Buffer[], mode: number): number {
    const flags = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW;
    return this.#make(path, (place) => openSync(place, flags, mode & 0o777));
  }

  /** A directory, with those above it; it may exist. Its time is set when the tree has moved on. */
  makeDirectory(path: readonly Buffer[], mode: number, modifiedAt: number): void {
    this.#enter(path, mode);
    const directory = this.#open.at(-1);
    if (directory !== undefined) directory.modifiedAt = modifiedAt;
  }

  /** A symlink as it is; nothing is ever made through it. */
  makeSymlink(path: readonly Buffer[], target: Buffer): void {
    this.#make(path, (place) => symlinkSync(target, place));
  }

  /** One more name for a regular file of this tree. */
  makeHardLink(path: readonly Buffer[], target: readonly Buffer[]): void {
    const name = target.at(-1);
    if (name === undefined) throw new PodhandError('INVALID_PATH', 'refused to extract a hard link to nothing');
    // The descriptor of its own: entering the link's directory closes the target's.
    const source = this.#hold(target.slice(0, -1));
    try {
      const existing = below(source, name);
      const found = lstatSync(existing, { throwIfNoEntry: false });
      if (found?.isFile() !== true) {
        throw new PodhandError('INVALID_PATH', 'refused to extract a hard link to what is no file of the archive');
      }
      this.#make(path, (place) => linkSync(existing, place));
    } finally {
      closeSync(source);
    }
  }

  [Symbol.dispose](): void {
    this.#leave(0);
    closeSync(this.#root);
  }

  #make<Result>(path: readonly Buffer[], make: (place: Buffer) => Result): Result {
    const name = path.at(-1);
    if (name === undefined) throw new PodhandError('INVALID_PATH', 'refused to extract an entry over the destination');
    const directory = this.#enter(path.slice(0, -1), 0o777);
    return translated(name, () => make(below(directory, name)));
  }

  #hold(path: readonly Buffer[]): number {
    const directory = this.#enter(path, 0o777);
    return openSync(`/proc/self/fd/${directory}`, O_RDONLY | O_DIRECTORY);
  }

  #enter(path: readonly Buffer[], mode: number): number {
    const common = path.findIndex((name, depth) => this.#open[depth]?.name.equals(name) !== true);
    this.#leave(common < 0 ? path.length : common);
    for (const name of path.slice(this.#open.length)) {
      const place = below(this.#open.at(-1)?.fd ?? this.#root, name);
      this.#open.push({ name, fd: translated(name, () => openOrMake(place, mode)) });
    }
    return this.#open.at(-1)?.fd ?? this.#root;
  }

  #leave(depth: number): void {
    while (this.#open.length > depth) {
      const left = this.#open.pop();
      if (left === undefined) return;
      if (left.modifiedAt !== undefined) futimesSync(left.fd, left.modifiedAt, left.modifiedAt);
      closeSync(left.fd);
    }
  }
}

function below(directory: number, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${directory}/`), name]);
}

function openOrMake(place: Buffer, mode: number): number {
  try {
    // Its owner must be able to fill it.
    mkdirSync(place, (mode & 0o777) | 0o700);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
  return openSync(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

const refusals: Readonly<Record<string, string>> = {
  EEXIST: 'it is there twice',
  ELOOP: 'the archive leads through a link',
  ENOTDIR: 'the archive leads through what is no directory',
  EISDIR: 'a directory is there already',
  ENAMETOOLONG: 'its name is too long for the file system',
};

function translated<Result>(name: Buffer, act: () => Result): Result {
  try {
    return act();
  } catch (cause) {
    const code = errnoOf(cause);
    const why = code === undefined ? undefined : refusals[code];
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new PodhandError('NO_SPACE', 'no space left at the destination', { cause });
    if (why === undefined) throw cause;
    throw new PodhandError('INVALID_PATH', `refused to extract "${name.subarray(0, 255)}": ${why}`, { cause });
  }
}
