import { PodhandError } from '../../../wire/errors.ts';
import { Budget } from '../budget.ts';
import { components, quotePath } from '../path.ts';
import type { TreeLimits, TreeSummary } from '../source.ts';
import { padding, type TarEntry } from '../tar/entry.ts';
import { endOfArchive, TarHeaders } from '../tar/headers.ts';
import type { ReadEntry, TarReader } from './tar-reader.ts';

const chunkBytes = 64 * 1024;

/**
 * Writes somebody else's archive anew: the same entries with names that were checked, under `name`; without FIFOs, devices
 * and what `isLeftOut` says of a path relative to the top; within the limits. What wrote it leaves out sockets, and
 * does not tell.
 */
export class ArchiveTree {
  readonly #reader: TarReader;
  readonly #budget: Budget;
  readonly #name: Buffer;
  readonly #isLeftOut: (below: readonly Buffer[]) => boolean;
  readonly #headers = new TarHeaders();
  #leftOutBytes = 0;

  constructor(options: {
    reader: TarReader;
    name: Buffer;
    limits: TreeLimits;
    isLeftOut(below: readonly Buffer[]): boolean;
  }) {
    this.#reader = options.reader;
    this.#name = options.name;
    this.#budget = new Budget(options.limits);
    this.#isLeftOut = options.isLeftOut;
  }

  summary(): TreeSummary {
    return this.#budget.summary();
  }

  /** The archive in chunks of about 64 KiB, beginning with `first`, which was read already. */
  async *chunks(first: ReadEntry): AsyncGenerator<Buffer> {
    let parts: Buffer[] = [];
    let length = 0;
    const add = (part: Buffer) => {
      parts.push(part);
      length += part.length;
    };
    const topLength = components(first.path).length;
    for (let entry: ReadEntry | undefined = first; entry !== undefined; entry = await this.#reader.next()) {
      const below = this.#below(entry.path, topLength);
      if (this.#skips(entry, below)) continue;
      add(Buffer.from(this.#headers.encode(this.#entry(entry, below, topLength)).header));
      for await (const data of this.#reader.content()) {
        add(data);
        if (length < chunkBytes) continue;
        yield Buffer.concat(parts);
        parts = [];
        length = 0;
      }
      add(Buffer.alloc(padding(entry.size)));
    }
    add(endOfArchive);
    yield Buffer.concat(parts);
  }

  /** The parts of an entry's name below the top entry. Errors: FILE_CHANGED for a name that is none of this tree. */
  #below(path: Buffer, topLength: number): Buffer[] {
    const parts = components(path);
    // The engine writes the names of the root's archive with a slash before them.
    const isAbsolute = path[0] === 0x2f && topLength > 0;
    if (isAbsolute || path.includes(0) || parts.some(isParent) || parts.length < topLength) throw foreign();
    return parts.slice(topLength);
  }

  #skips(entry: ReadEntry, below: readonly Buffer[]): boolean {
    const { skipped, limits } = this.#budget;
    if (this.#isLeftOut(below)) {
      // Its content passes through all the same.
      this.#leftOutBytes += entry.size;
      if (this.#leftOutBytes > limits.maxTreeBytes) {
        throw new PodhandError(
          'TREE_TOO_LARGE',
          'the tree holds mounts that are not read and too large to be left out',
        );
      }
      if (!this.#isLeftOut(below.slice(0, -1))) skipped.mounts++;
      return true;
    }
    if (entry.type === 'FIFO') skipped.fifos++;
    else if (entry.type === 'device') skipped.devices++;
    else return false;
    return true;
  }

  #entry(entry: ReadEntry, below: readonly Buffer[], topLength: number): TarEntry {
    const { type, mode, uid, gid, size, mtimeSeconds } = entry;
    if (type === 'FIFO' || type === 'device') throw foreign();
    this.#budget.entry();
    if (type === 'directory') this.#budget.depth(below.length);
    const path = this.#join(below);
    if (type === 'file') this.#budget.content(size, path);
    const common = { type, path, mode, uid, gid, size, mtimeSeconds };
    if (type === 'symlink') return { ...common, linkPath: entry.linkPath };
    if (type === 'hardlink') return { ...common, linkPath: this.#join(this.#below(entry.linkPath, topLength)) };
    return common;
  }

  #join(below: readonly Buffer[]): Buffer {
    return Buffer.concat([this.#name, ...below.flatMap((part) => [slash, part])]);
  }
}

const slash = Buffer.from('/');

function isParent(part: Buffer): boolean {
  return part.length === 2 && part[0] === 0x2e && part[1] === 0x2e;
}

function foreign(): PodhandError {
  return new PodhandError('FILE_CHANGED', 'the archive holds an entry that is not of this tree');
}

export function wrongType(path: Buffer, type: string, wanted: 'file' | 'tree'): PodhandError {
  return wanted === 'file'
    ? new PodhandError(
        'NOT_A_REGULAR_FILE',
        `${quotePath(path)} is a ${type}, not a regular file${type === 'directory' ? '; collect it as tar' : ''}`,
      )
    : new PodhandError(
        'NOT_A_FILE_OR_DIRECTORY',
        `${quotePath(path)} is a ${type}, neither a regular file nor a directory`,
      );
}
