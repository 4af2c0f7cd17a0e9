import { closeSync } from 'node:fs';
import { PodhandError } from '../../../wire/errors.ts';
import {
  O_NOFOLLOW,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
} from '../../linux/constants.ts';
import { seekData, seekHole } from '../../linux/copy-calls.ts';
import { fstatfsType, getdents64, openat2, readlinkat } from '../../linux/file-calls.ts';
import { type FileStatus, statx } from '../../linux/statx.ts';
import { hasErrno } from '../../linux/syscalls.ts';
import type { TreeLimits, TreeSummary } from '../source.ts';
import { padding, type Segment, type TarEntry } from '../tar/entry.ts';
import { endOfArchive, TarHeaders } from '../tar/headers.ts';
import type { ChunkWriter } from './chunk-writer.ts';
import { type MountTable, mayRead } from './mounts.ts';
import { isReadableFileSystem, type Opened, reopen, typeOf } from './resolve.ts';

/** More than this many separate parts of a sparse file are not mapped; the file is then sent with its holes. */
const maxSegments = 100_000;
/** Directories up to this size are listed in the order of their bytes, so that the same tree gives the same archive. */
const sortUpTo = 10_000;

interface Options {
  readonly mounts: MountTable;
  readonly limits: TreeLimits;
  readonly out: ChunkWriter;
  /** Called between entries; throws to end the walk. */
  check(): void;
}

/** Writes a file or a tree as tar, walking by descriptors; nothing is looked up by a joined path. */
export class TreeWriter {
  readonly #options: Options;
  readonly #headers = new TarHeaders();
  readonly #listing = Buffer.alloc(64 * 1024);
  /** First name of each file with several links. */
  readonly #linked = new Map<string, Buffer>();
  readonly #skipped = { fifos: 0, sockets: 0, devices: 0, mounts: 0, vanished: 0 };
  #contentBytes = 0;
  #entries = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** The whole archive of what `top` is, under `name`. Does not close `top`. */
  write(top: Opened, name: Buffer): TreeSummary {
    if (top.type === 'file') this.#file(top.fd, name, top.status);
    else this.#directory(top.fd, name, top.status, 0);
    this.#options.out.write(endOfArchive);
    return { contentBytes: this.#contentBytes, entries: this.#entries, skipped: this.#skipped };
  }

  #directory(fd: number, path: Buffer, status: FileStatus, depth: number): void {
    const { maxDepth } = this.#options.limits;
    if (depth > maxDepth) throw new PodhandError('TREE_TOO_DEEP', `the tree is nested deeper than ${maxDepth} levels`);
    this.#entry({ ...facts(status), type: 'directory', path, size: 0 });
    for (;;) {
      const batch = getdents64(fd, this.#listing);
      if (batch.length === 0) return;
      for (const name of this.#ordered(
        fd,
        batch.map((entry) => entry.name),
      )) {
        this.#options.check();
        this.#child(fd, name, Buffer.concat([path, slash, name]), status, depth);
      }
    }
  }

  /** The names of the whole directory, sorted, where it is not too large; else of this batch as they come. */
  #ordered(fd: number, first: Buffer[]): Buffer[] {
    const names = first;
    while (names.length <= sortUpTo) {
      const more = getdents64(fd, this.#listing);
      if (more.length === 0) return names.sort(Buffer.compare);
      for (const entry of more) names.push(entry.name);
    }
    return names;
  }

  #child(parent: number, name: Buffer, path: Buffer, directory: FileStatus, depth: number): void {
    let handle: number;
    try {
      const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
      handle = openat2(parent, name, { flags: O_PATH | O_NOFOLLOW, resolve });
    } catch (error) {
      if (!hasErrno(error, 'ENOENT', 'ELOOP')) throw error;
      if (hasErrno(error, 'ENOENT')) this.#skipped.vanished += 1;
      else this.#symlink(parent, name, path);
      return;
    }
    try {
      const status = statx(handle);
      if (status.mountId !== directory.mountId && !this.#readableMount(handle, status)) this.#skipped.mounts += 1;
      else this.#opened(handle, path, status, depth);
    } finally {
      closeSync(handle);
    }
  }

  #opened(handle: number, path: Buffer, status: FileStatus, depth: number): void {
    const type = typeOf(status);
    if (type === undefined) {
      this.#special(handle, path, status);
      return;
    }
    const first = status.nlink > 1 && type === 'file' ? this.#linked.get(inodeOf(status)) : undefined;
    if (first !== undefined) {
      this.#entry({ ...facts(status), type: 'hardlink', path, size: 0, linkPath: first });
      return;
    }
    const fd = reopen(handle, status, type);
    try {
      if (type === 'directory') this.#directory(fd, path, status, depth + 1);
      else this.#file(fd, path, status);
    } finally {
      closeSync(fd);
    }
  }

  #special(handle: number, path: Buffer, status: FileStatus): void {
    const type = status.mode & S_IFMT;
    if (type === S_IFLNK) {
      const linkPath = readlinkat(handle, Buffer.alloc(0));
      this.#entry({ ...facts(status), type: 'symlink', path, size: 0, linkPath });
    } else if (type === S_IFIFO) this.#skipped.fifos += 1;
    else if (type === S_IFCHR || type === S_IFBLK) this.#skipped.devices += 1;
    else this.#skipped.sockets += 1;
  }

  #symlink(parent: number, name: Buffer, path: Buffer): void {
    // NO_SYMLINKS refuses the link itself as well; it is looked at without following.
    const status = statx(parent, name);
    if ((status.mode & S_IFMT) !== S_IFLNK) return;
    this.#entry({ ...facts(status), type: 'symlink', path, size: 0, linkPath: readlinkat(parent, name) });
  }

  #file(fd: number, path: Buffer, status: FileStatus): void {
    const { limits, out } = this.#options;
    const segments = status.blocks * 512 < status.size ? segmentsOf(fd, status.size) : undefined;
    const data = segments === undefined ? status.size : segments.reduce((sum, { length }) => sum + length, 0);
    if (data > limits.maxFileBytes)
      throw new PodhandError(
        'FILE_TOO_LARGE',
        `a file of the tree has ${data} bytes; at most ${limits.maxFileBytes} are allowed`,
      );
    this.#contentBytes += data;
    if (this.#contentBytes > limits.maxTreeBytes)
      throw new PodhandError('TREE_TOO_LARGE', `the tree has more than ${limits.maxTreeBytes} bytes`);
    if (status.nlink > 1) this.#linked.set(inodeOf(status), path);
    this.#entry({ ...facts(status), type: 'file', path, size: status.size, ...(segments && { segments }) });
    for (const { offset, length } of segments ?? [{ offset: 0, length: status.size }]) {
      if (!out.read(fd, offset, length))
        throw new PodhandError('FILE_CHANGED', 'a file was truncated while it was read');
    }
    out.zeros(padding(data));
  }

  #entry(entry: TarEntry): void {
    this.#entries += 1;
    if (this.#entries > this.#options.limits.maxEntries) {
      throw new PodhandError('TOO_MANY_ENTRIES', `the tree has more than ${this.#options.limits.maxEntries} entries`);
    }
    this.#options.out.write(this.#headers.encode(entry).header);
  }

  #readableMount(handle: number, status: FileStatus): boolean {
    return mayRead(this.#options.mounts, status.mountId) && isReadableFileSystem(fstatfsType(handle));
  }
}

const slash = Buffer.from('/');

function facts(status: FileStatus) {
  const { uid, gid, mtimeSeconds } = status;
  return { mode: status.mode & 0o7777, uid, gid, mtimeSeconds };
}

function inodeOf(status: FileStatus): string {
  return `${status.dev} ${status.ino}`;
}

function segmentsOf(fd: number, size: number): Segment[] | undefined {
  const segments: Segment[] = [];
  for (let at = 0; at < size; ) {
    const offset = seekData(fd, at);
    if (offset < 0 || offset >= size) break;
    const end = Math.min(seekHole(fd, offset), size);
    segments.push({ offset, length: end - offset });
    if (segments.length > maxSegments) return undefined;
    at = end;
  }
  return segments;
}
