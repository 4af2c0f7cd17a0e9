import type { FileCredentials } from '../../linux/credentials.ts';
import type { FileSource, TreeLimits } from '../source.ts';
import type { MountTable } from './mounts.ts';
import type { ReaderPool } from './reader-pool.ts';

interface Options {
  readonly pool: ReaderPool;
  readonly podUid: string;
  readonly rootFd: number;
  readonly mounts: MountTable;
  readonly credentials: FileCredentials;
  release(): void;
}

/** Files below a root that is held by descriptor. */
export function heldRootSource(options: Options): FileSource {
  const { pool, podUid, rootFd, mounts, credentials } = options;
  let users = 1;
  const leave = () => {
    users -= 1;
    if (users === 0) options.release();
  };
  const read = (kind: 'file' | 'tar') => (path: Buffer, limits: TreeLimits, signal: AbortSignal) => {
    users += 1;
    return pool.read({ kind, rootFd, path, mounts, credentials, limits }, podUid, leave, signal);
  };
  return {
    readFile: read('file'),
    readTar: read('tar'),
    copyTo: async () => {
      throw new Error('later');
    },
    release: leave,
  };
}
