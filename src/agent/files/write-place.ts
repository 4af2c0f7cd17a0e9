import { closeSync } from 'node:fs';
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../linux/constants.ts';
import { openat2 } from '../linux/file-calls.ts';
import type { MountKind, NodeMounts } from '../linux/mount-kind.ts';
import { mountTable } from './mounts.ts';
import type { ReaderPool } from './reader/pool.ts';
import type { WritePlace } from './reader/protocol.ts';
import type { CopyDestination } from './source.ts';

/** What saving into a caller's container needs to know of the node. */
export interface SaveOptions {
  readonly pool: ReaderPool;
  readonly node: NodeMounts;
  /** The pod of the container and of the caller. */
  readonly podUid: string;
  /** Kinds of mounts that may be written; emptyDir and volume if absent. */
  readonly allowedDestinations?: readonly MountKind[];
}

const writable: readonly MountKind[] = ['emptyDir', 'volume'];

/**
 * Runs `action` with the destination as a job takes it. The caller's root is opened once more for it: the job cleans up
 * after a call that was cancelled, and whose own descriptor may be closed by then.
 */
export async function withWritePlace<T>(
  { node, podUid, allowedDestinations = writable }: SaveOptions,
  { root, path, overwrite }: CopyDestination,
  action: (place: WritePlace) => Promise<T>,
): Promise<T> {
  const own = Buffer.from(`/proc/self/fd/${root.rootFd}`);
  const rootFd = openat2(AT_FDCWD, own, { flags: O_PATH | O_DIRECTORY, resolve: 0 });
  try {
    const mounts = mountTable(root, node, podUid);
    return await action({
      podUid,
      rootFd,
      path,
      overwrite,
      credentials: root.credentials,
      mounts,
      allowed: allowedDestinations,
    });
  } finally {
    closeSync(rootFd);
  }
}
