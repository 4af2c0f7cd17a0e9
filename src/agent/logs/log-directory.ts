import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readlink } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { PodhandError } from '../../wire/errors.ts';
import type { Container } from '../pods/model.ts';

/** Where a node keeps its containers' logs. Absolute paths. */
export interface LogRoots {
  /** The kubelet's: `<namespace>_<pod>_<uid>/<container>/<restart count>.log`. */
  readonly pods?: string;
  /** Docker's containers directory: `<id>/<id>-json.log`, also where dockershim's links point to. */
  readonly docker?: string;
}

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY;
/** A FIFO or a device in the place of a log must not hold the opening up. */
const fileFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * The directory that holds one container's log files, held by descriptor. Every component below the configured root is
 * opened without following links, so that what is read afterwards cannot be moved out of it.
 */
export class LogDirectory {
  /** The name of the file that is being written; rotated ones are named after it. */
  readonly base: string;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle, base: string) {
    this.#handle = handle;
    this.base = base;
  }

  /** A path of the directory that stays right when it is renamed; good while it is open. */
  get path(): string {
    return `/proc/self/fd/${this.#handle.fd}`;
  }

  names(): Promise<string[]> {
    return readdir(this.path);
  }

  /** Opens a regular file of the directory; undefined where it is gone by now or is none. */
  async openFile(name: string): Promise<FileHandle | undefined> {
    let handle: FileHandle;
    try {
      handle = await open(`${this.path}/${name}`, fileFlags);
    } catch (error) {
      if (isGone(error) || isLink(error)) return undefined;
      throw unavailable(error);
    }
    try {
      if ((await handle.stat()).isFile()) return handle;
    } catch (error) {
      await handle.close();
      throw unavailable(error);
    }
    await handle.close();
    return undefined;
  }

  /** Device and inode of a name; undefined where it is gone or no regular file. */
  async identity(name: string): Promise<{ device: bigint; inode: bigint } | undefined> {
    try {
      const stat = await lstat(`${this.path}/${name}`, { bigint: true });
      return stat.isFile() ? { device: stat.dev, inode: stat.ino } : undefined;
    } catch (error) {
      if (isGone(error)) return undefined;
      throw unavailable(error);
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/**
 * The directory of a container's log. Undefined while it does not exist.
 * Errors: LOGS_UNAVAILABLE where the runtime writes no file, or one outside the configured roots.
 */
export async function openLogDirectory(container: Container, roots: LogRoots): Promise<LogDirectory | undefined> {
  if (container.logPath === undefined) {
    throw new PodhandError(
      'LOGS_UNAVAILABLE',
      `container ${container.name} has no log file on this node; its runtime or log driver writes none`,
    );
  }
  const kubelet = below(roots.pods, container.logPath);
  if (kubelet !== undefined && roots.pods !== undefined && kubelet.length === 3) {
    const directory = await walk(roots.pods, kubelet);
    if (directory === undefined) return undefined;
    const target = await linkTarget(directory);
    if (target === undefined) return directory;
    await directory.close();
    return openDocker(container, roots.docker, target);
  }
  return openDocker(container, roots.docker, container.logPath);
}

function openDocker(container: Container, root: string | undefined, path: string): Promise<LogDirectory | undefined> {
  const names = below(root, path);
  const isOwn = names?.length === 2 && names[0] === container.id && names[1] === `${container.id}-json.log`;
  if (root === undefined || names === undefined || !isOwn) {
    throw new PodhandError(
      'LOGS_UNAVAILABLE',
      `the log of container ${container.name} is not in a directory that the agent may read; see logs in its configuration`,
    );
  }
  return walk(root, names);
}

/** The names of `path` below `root`; undefined where it is not below. */
function below(root: string | undefined, path: string): string[] | undefined {
  if (root === undefined) return undefined;
  const names = relative(root, path).split(sep);
  return names.some((name) => name === '' || name === '.' || name === '..') ? undefined : names;
}

async function walk(root: string, names: readonly string[]): Promise<LogDirectory | undefined> {
  const base = names.at(-1) ?? '';
  let handle: FileHandle | undefined;
  try {
    handle = await open(root, directoryFlags);
    for (const name of names.slice(0, -1)) {
      const next: FileHandle = await open(`/proc/self/fd/${handle.fd}/${name}`, directoryFlags | constants.O_NOFOLLOW);
      await handle.close();
      handle = next;
    }
    return new LogDirectory(handle, base);
  } catch (error) {
    await handle?.close();
    if (isGone(error)) return undefined;
    throw unavailable(error);
  }
}

async function linkTarget(directory: LogDirectory): Promise<string | undefined> {
  const path = join(directory.path, directory.base);
  try {
    if (!(await lstat(path)).isSymbolicLink()) return undefined;
    return await readlink(path);
  } catch (error) {
    if (isGone(error)) return undefined;
    await directory.close();
    throw unavailable(error);
  }
}

function unavailable(cause: unknown): PodhandError {
  const code = errorCode(cause) ?? 'unknown';
  const why = isLink(cause) ? 'a link is in the place of a directory or file' : 'the node refuses to open it';
  return new PodhandError('LOGS_UNAVAILABLE', `the log cannot be read: ${why}`, { details: { code }, cause });
}

function isGone(error: unknown): boolean {
  return errorCode(error) === 'ENOENT';
}

function isLink(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ELOOP' || code === 'ENOTDIR';
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
