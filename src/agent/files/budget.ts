import { PodhandError } from '../../wire/errors.ts';
import { quotePath } from './path.ts';
import type { TreeLimits, TreeSummary } from './source.ts';

/** Counts what a tree holds against its limits, and what is left out of it. */
export class Budget {
  readonly limits: TreeLimits;
  readonly skipped = { fifos: 0, sockets: 0, devices: 0, mounts: 0, vanished: 0 };
  contentBytes = 0;
  entries = 0;

  constructor(limits: TreeLimits) {
    this.limits = limits;
  }

  /** One file, directory or link. Errors: TOO_MANY_ENTRIES. */
  entry(): void {
    if (++this.entries <= this.limits.maxEntries) return;
    const { maxEntries } = this.limits;
    const message = `the tree has more than ${maxEntries} entries; name a smaller one, or pack it in the container`;
    throw new PodhandError('TOO_MANY_ENTRIES', message, { details: { limit: String(maxEntries) } });
  }

  /** Errors: TREE_TOO_DEEP for a directory at `depth` below the top one. */
  depth(depth: number): void {
    const { maxDepth } = this.limits;
    if (depth <= maxDepth) return;
    const message = `the tree is more than ${maxDepth} directories deep; name a deeper part of it`;
    throw new PodhandError('TREE_TOO_DEEP', message, { details: { limit: String(maxDepth) } });
  }

  /** The content of one file, before a byte of it is read. Errors: FILE_TOO_LARGE, TREE_TOO_LARGE. */
  content(bytes: number, path: Uint8Array): void {
    const { maxFileBytes, maxTreeBytes } = this.limits;
    if (bytes > maxFileBytes) throw fileTooLarge(path, bytes, maxFileBytes);
    this.contentBytes += bytes;
    if (this.contentBytes <= maxTreeBytes) return;
    const message = `the tree holds more than ${maxTreeBytes} bytes; name a smaller one, or raise the limit`;
    throw new PodhandError('TREE_TOO_LARGE', message, { details: { limit: String(maxTreeBytes) } });
  }

  summary(): TreeSummary {
    return { contentBytes: this.contentBytes, entries: this.entries, skipped: { ...this.skipped } };
  }
}

export function fileTooLarge(path: Uint8Array, bytes: number, limit: number): PodhandError {
  const message = `${quotePath(path)} has ${bytes} bytes; at most ${limit} are allowed`;
  return new PodhandError('FILE_TOO_LARGE', message, { details: { limit: String(limit), size: String(bytes) } });
}
