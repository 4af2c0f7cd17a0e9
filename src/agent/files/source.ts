import type { Receiver } from './receiver.ts';

/** A regular file or directory of a container. Sizes in bytes. */
export interface FileFacts {
  readonly type: 'file' | 'directory';
  readonly size: number;
  /** Permission bits only. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modifiedAt: Date;
}

export interface TreeLimits {
  readonly maxFileBytes: number;
  readonly maxTreeBytes: number;
  readonly maxEntries: number;
  readonly maxDepth: number;
}

/** What a tree held and what was left out of it. */
export interface TreeSummary {
  /** Content before archiving; a hard-linked file counts once. */
  readonly contentBytes: number;
  readonly entries: number;
  readonly skipped: { fifos: number; sockets: number; devices: number; mounts: number; vanished: number };
}

/**
 * A body being read. `facts` are of the moment of opening. The body must be consumed or `return()`ed; `summary`
 * is complete once the body has ended.
 */
export interface FileBody {
  readonly facts: FileFacts;
  readonly chunks: AsyncIterable<Buffer>;
  summary(): TreeSummary;
}

/** Where SaveArtifact writes: resolved in the calling process's own root, with that process's rights. */
export interface CallerRoot {
  /** The pod of the calling process. */
  readonly podUid: string;
  /** O_PATH descriptor of the calling process's root; owned by the call. */
  readonly rootFd: number;
  /** `/proc/<pid>/mountinfo` of the calling process, taken with the root. */
  readonly mountInfo: string;
  readonly credentials: ProcessCredentials;
}

/** File-system credentials of a process, as the node numbers them. */
export interface ProcessCredentials {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** Effective capabilities. */
  readonly capabilities: bigint;
}

/**
 * The files of one attempt of a container. Paths are absolute byte strings without `..`, already checked by
 * `parsePath`. Errors of every method: FILE_NOT_FOUND, SYMLINK_LOOP, PERMISSION_DENIED, MOUNT_REFUSED,
 * FILESYSTEM_REFUSED, FILE_TOO_LARGE, TREE_TOO_LARGE, TOO_MANY_ENTRIES, TREE_TOO_DEEP, FILE_CHANGED, PATH_CHANGED; of a
 * `receiver` that keeps others waiting, TRANSFER_TOO_SLOW.
 */
export interface FileSource {
  /** One regular file. Errors: also NOT_A_REGULAR_FILE. */
  readFile(path: Buffer, limits: TreeLimits, signal: AbortSignal, receiver?: Receiver): Promise<FileBody>;
  /** A file or a directory as an uncompressed tar whose top entry is its base name. Errors: also NOT_A_FILE_OR_DIRECTORY. */
  readTar(path: Buffer, limits: TreeLimits, signal: AbortSignal, receiver?: Receiver): Promise<FileBody>;
  /**
   * Copies a file or tree as it is to `destination` in the caller's root; whole or not at all.
   * `progress` is called at most ten times a second.
   */
  copyTo(path: Buffer, destination: CopyDestination, limits: TreeLimits, signal: AbortSignal): Promise<CopyResult>;
  release(): void;
}

export interface CopyDestination {
  readonly root: CallerRoot;
  readonly path: Buffer;
  readonly overwrite: boolean;
  progress(progress: { bytes: number; totalBytes: number; entries: number }): void;
}

export interface CopyResult extends TreeSummary {
  /** Bytes written to the destination. */
  readonly size: number;
}
