import { closeSync } from 'node:fs';
import { RESOLVE_NO_XDEV, S_IFBLK, S_IFCHR, S_IFIFO, S_IFLNK, S_IFMT, strictlyBeneath } from '../linux/constants.ts';
import { getdents64, openat2, readlinkat } from '../linux/file-calls.ts';
import { type FileStatus, statxCached } from '../linux/statx.ts';
import { hasErrno } from '../linux/syscalls.ts';
import type { Budget } from './budget.ts';
import { fileError } from './errno.ts';
import type { MountPolicy } from './mounts.ts';
import { entryFlags, isDirectory, isRegular, type Opener, type OpenFile } from './resolve.ts';

/**
 * What a walk meets, parents before children. `path` is relative and begins with the top entry's name. The receiver
 * closes `fd` of a file; a hard link is one to a file that was met before at `target`.
 */
export type WalkEvent =
  | { readonly type: 'directory' | 'leave'; readonly path: Buffer; readonly status: FileStatus }
  | { readonly type: 'file'; readonly path: Buffer; readonly status: FileStatus; readonly fd: number }
  | {
      readonly type: 'symlink' | 'hardlink';
      readonly path: Buffer;
      readonly status: FileStatus;
      readonly target: Buffer;
    };

export interface Walk {
  readonly opener: Opener;
  readonly policy: MountPolicy;
  readonly budget: Budget;
  /** Called for every entry; throws where the walk is to end. */
  step(): void;
}

/** A directory with more names is not sorted, since it is not held in memory. */
const maxSorted = 10_000;
const direntBytes = 64 * 1024;
const slash = Buffer.from('/');
const empty = Buffer.alloc(0);

/**
 * Walks a tree by directory descriptors: no path is joined for the kernel, no link followed, nothing but files and
 * directories opened. Within a directory names come sorted by their bytes where these are at most 10,000, else in the
 * file system's order. Runs synchronously and in pieces, with the calling thread's rights at each piece; its descriptors
 * are closed when it ends or is `return()`ed. It closes `top.fd` too.
 */
export function* walkTree(walk: Walk, top: OpenFile, name: Buffer): Generator<WalkEvent, void, void> {
  const state: State = { ...walk, buffer: Buffer.allocUnsafe(direntBytes), links: new Map() };
  yield* visit(state, top, name, 0);
}

interface State extends Walk {
  /** Directory entries, read and parsed before the next directory is. */
  readonly buffer: Buffer;
  /** Paths of files that have more than one name. */
  readonly links: Map<string, Buffer>;
}

function* visit(state: State, open: OpenFile, path: Buffer, depth: number): Generator<WalkEvent, void, void> {
  const { fd, status } = open;
  if (!isDirectory(status)) {
    state.budget.entry();
    yield { type: 'file', path, status, fd };
    return;
  }
  try {
    state.budget.entry();
    state.budget.depth(depth);
    yield { type: 'directory', path, status };
    const prefix = Buffer.concat([path, slash]);
    for (const names of listings(state, fd, path)) {
      for (const name of names) yield* entry(state, open, name, Buffer.concat([prefix, name]), depth);
    }
    yield { type: 'leave', path, status };
  } finally {
    closeSync(fd);
  }
}

/** The names in a directory: all at once and sorted, or in the batches in which the kernel gives them. */
function* listings(state: State, fd: number, path: Buffer): Generator<Buffer[], void, void> {
  let held: Buffer[] = [];
  for (;;) {
    const batch = list(state, fd, path);
    if (batch.length === 0) break;
    held.push(...batch);
    if (held.length <= maxSorted) continue;
    yield held;
    held = [];
  }
  if (held.length > 0) yield held.sort(Buffer.compare);
}

function list(state: State, fd: number, path: Buffer): Buffer[] {
  state.step();
  try {
    return getdents64(fd, state.buffer).map(({ name }) => name);
  } catch (error) {
    // The directory itself was removed meanwhile.
    if (hasErrno(error, 'ENOENT')) return [];
    throw fileError(error, path);
  }
}

function* entry(
  state: State,
  parent: OpenFile,
  name: Buffer,
  path: Buffer,
  depth: number,
): Generator<WalkEvent, void, void> {
  state.step();
  const found = look(state, parent, name, path);
  if (found === undefined) return;
  const { fd, status } = found;
  let open: OpenFile | undefined;
  try {
    if (isRegular(status) || isDirectory(status)) {
      const earlier = status.nlink > 1 && isRegular(status) ? met(state, status, path) : undefined;
      if (earlier === undefined) open = { fd: state.opener.reopen(fd, status), status };
      else yield linked(state, { type: 'hardlink', path, status, target: earlier });
    } else if ((status.mode & S_IFMT) === S_IFLNK) {
      yield linked(state, { type: 'symlink', path, status, target: readlinkat(fd, empty) });
    } else {
      state.budget.skipped[skippedKind(status)]++;
    }
  } catch (error) {
    throw fileError(error, path);
  } finally {
    closeSync(fd);
  }
  if (open !== undefined) yield* visit(state, open, path, depth + 1);
}

function linked(state: State, event: WalkEvent): WalkEvent {
  state.budget.entry();
  return event;
}

/** Opens a name without touching what it names; undefined where it is gone or on a mount that is not read. */
function look(state: State, parent: OpenFile, name: Buffer, path: Buffer): OpenFile | undefined {
  try {
    return opened(openat2(parent.fd, name, { flags: entryFlags, resolve: strictlyBeneath | RESOLVE_NO_XDEV }));
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) state.budget.skipped.vanished++;
    else if (hasErrno(error, 'EXDEV')) return lookAcross(state, parent, name, path);
    else throw fileError(error, path);
    return undefined;
  }
}

/** The same for a name on which something is mounted. */
function lookAcross(state: State, parent: OpenFile, name: Buffer, path: Buffer): OpenFile | undefined {
  if (state.policy.mayHang(parent.status.mountId, name)) {
    state.budget.skipped.mounts++;
    return undefined;
  }
  try {
    const found = opened(openat2(parent.fd, name, { flags: entryFlags, resolve: strictlyBeneath }));
    if (state.policy.refusal(found.fd, found.status, path) === undefined) return found;
    closeSync(found.fd);
    state.budget.skipped.mounts++;
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw fileError(error, path);
    state.budget.skipped.vanished++;
  }
  return undefined;
}

function opened(fd: number): OpenFile {
  try {
    return { fd, status: statxCached(fd) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** The path at which this file was met before; else it is remembered at this one. */
function met(state: State, { dev, ino }: FileStatus, path: Buffer): Buffer | undefined {
  const key = `${dev}:${ino}`;
  const earlier = state.links.get(key);
  if (earlier === undefined) state.links.set(key, path);
  return earlier;
}

function skippedKind({ mode }: FileStatus): 'fifos' | 'devices' | 'sockets' {
  const type = mode & S_IFMT;
  if (type === S_IFIFO) return 'fifos';
  return type === S_IFCHR || type === S_IFBLK ? 'devices' : 'sockets';
}
