import { PodhandError } from '../../../wire/errors.ts';
import { type ClassifiedMount, classifyMounts, type MountKind } from '../../linux/mount-kind.ts';
import { parseMountInfo } from '../../linux/mountinfo.ts';

/** The mounts of one container by mount id, and which of them may be read; plain data, so that a worker can have it. */
export interface MountTable {
  readonly kinds: ReadonlyMap<number, MountKind>;
  /** Mount points where a lookup may never answer: FUSE and network servers. */
  readonly unanswering: readonly string[];
  readonly allowed: ReadonlySet<MountKind>;
}

interface Options {
  /** `/proc/<pid>/mountinfo` of the container. */
  readonly mountInfo: string;
  /** That of the node's first process. */
  readonly nodeMountInfo: string;
  readonly kubeletDirectory: string;
  readonly podUid: string | undefined;
  readonly allowed: readonly MountKind[];
}

export function mountTable(options: Options): MountTable {
  const node = { entries: parseMountInfo(options.nodeMountInfo), kubeletDirectory: options.kubeletDirectory };
  const mounts = classifyMounts(parseMountInfo(options.mountInfo), node, options.podUid);
  return {
    kinds: new Map(mounts.map((mount) => [mount.mountId, mount.kind])),
    unanswering: mounts.filter(neverAnswers).map((mount) => mount.mountPoint),
    allowed: new Set(options.allowed),
  };
}

/** Whether a mount may be read; one that is not in the table was mounted by the container itself, and may not. */
export function mayRead(table: MountTable, mountId: number | undefined): boolean {
  const kind = mountId === undefined ? undefined : table.kinds.get(mountId);
  return kind !== undefined && table.allowed.has(kind);
}

/** Refuses, before the kernel looks anything up, a path below a server that decides when it answers. */
export function refuseUnanswering(table: MountTable, path: Buffer): void {
  const text = path.toString('latin1');
  for (const point of table.unanswering) {
    if (text === point || text.startsWith(`${point}/`)) {
      throw new PodhandError(
        'FILESYSTEM_REFUSED',
        'the path is on a FUSE or network file system, which podhand does not read',
      );
    }
  }
}

function neverAnswers(mount: ClassifiedMount): boolean {
  return mount.kind === 'fuse' || mount.kind === 'network';
}
