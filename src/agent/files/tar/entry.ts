/** One entry of an archive. Names are bytes: they need not be UTF-8. */
export interface TarEntry {
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink';
  /** Relative, without `..`, empty parts and a slash at the end. */
  readonly path: Buffer;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content; 0 for all but files. */
  readonly size: number;
  readonly mtimeSeconds: number;
  /** A symlink's target as it is; a hard link's earlier entry in this archive. */
  readonly linkPath?: Buffer;
  /** The parts of a sparse file that hold data, in order; `size` stays the file's own. */
  readonly segments?: readonly Segment[];
}

/** Bytes of a file that are no hole. */
export interface Segment {
  readonly offset: number;
  readonly length: number;
}

export const blockBytes = 512;

/** Zero bytes that fill `size` up to the next block. */
export function padding(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

export function dataBytes(segments: readonly Segment[]): number {
  return segments.reduce((sum, { length }) => sum + length, 0);
}
