import { PodhandError } from '../../wire/errors.ts';
import { fileSystemMagic as magic } from '../linux/constants.ts';
import { fstatfsType } from '../linux/file-calls.ts';
import { classifyMounts, type MountKind, type NodeMounts } from '../linux/mount-kind.ts';
import { parseMountInfo } from '../linux/mountinfo.ts';
import { type FileStatus, statxCached } from '../linux/statx.ts';
import { quotePath } from './path.ts';

/** One mount of a container, as far as reading below it is concerned. */
export interface Mount {
  readonly mountId: number;
  readonly parentId: number;
  /** `major:minor`. */
  readonly dev: string;
  /** As the container sees it, one character per byte. */
  readonly mountPoint: string;
  readonly fsType: string;
  readonly kind: MountKind;
  readonly readOnly: boolean;
}

/** The root of a process, and `/proc/<pid>/mountinfo` as that process told it: latin1, so that names compare as bytes. */
interface RootAndMounts {
  readonly rootFd: number;
  readonly mountInfo: string;
}

/** The mounts of one process; `podUid` is the pod that it belongs to. */
export function mountTable(
  { rootFd, mountInfo }: RootAndMounts,
  node: NodeMounts,
  podUid: string | undefined,
): Mount[] {
  const entries = parseMountInfo(mountInfo);
  const kinds = classifyMounts(entries, node, podUid, statxCached(rootFd).mountId);
  return entries.map(({ mountId, parentId, dev, mountPoint, fsType, readOnly }, at) => {
    // Without a kind there is nothing to allow it by.
    const kind = kinds[at]?.kind ?? 'hostPath';
    return { mountId, parentId, dev, mountPoint, fsType, kind, readOnly };
  });
}

/** File systems whose files are bytes on this node's disks or memory, and answer at once. ext2 and ext3 share ext4's number. */
const readable: ReadonlySet<number> = new Set([
  magic.overlay,
  magic.ext4,
  magic.xfs,
  magic.btrfs,
  magic.tmpfs,
  magic.f2fs,
  magic.zfs,
  magic.squashfs,
  magic.erofs,
]);

/** Files of these show device numbers other than that of their mount: per layer, per subvolume. */
const manyDevices: ReadonlySet<string> = new Set(['overlay', 'btrfs', 'zfs', 'aufs']);

/** Which of a container's mounts may be read. Remembers each mount's answer, so that a walk asks once per mount. */
export class MountPolicy {
  readonly #mounts: ReadonlyMap<number, Mount>;
  readonly #allowed: ReadonlySet<MountKind>;
  readonly #answering: readonly Mount[];
  readonly #checked = new Map<number, PodhandError | undefined>();

  constructor(mounts: readonly Mount[], allowed: readonly MountKind[]) {
    this.#mounts = new Map(mounts.map((mount) => [mount.mountId, mount]));
    this.#allowed = new Set(allowed);
    this.#answering = mounts.filter(({ kind }) => kind === 'fuse' || kind === 'network');
  }

  /**
   * Refuses a path that by its text lies on a mount whose server may never answer: a lookup there could hang. A path that
   * comes there through symlinks is not seen by this.
   */
  refuseHanging(path: Buffer): void {
    const text = path.toString('latin1');
    const mount = this.#answering.find(({ mountPoint }) => text === mountPoint || text.startsWith(`${mountPoint}/`));
    if (mount !== undefined) throw refused(path, mount);
  }

  /** Whether a mount on `name` in a directory of mount `parentId` may be one whose server never answers. */
  mayHang(parentId: number | undefined, name: Buffer): boolean {
    if (this.#answering.length === 0) return false;
    const text = name.toString('latin1');
    const on = new Set([parentId]);
    // Mounts are stacked: the parent of the second is the first. mountinfo lists a parent before its children.
    for (const mount of this.#mounts.values()) {
      if (!on.has(mount.parentId) || mount.mountPoint.slice(mount.mountPoint.lastIndexOf('/') + 1) !== text) continue;
      on.add(mount.mountId);
      if (this.#answering.includes(mount)) return true;
    }
    return false;
  }

  /** Why the open file may not be read, for where its mount is; undefined where it may. */
  refusal(fd: number, status: FileStatus, path: Buffer): PodhandError | undefined {
    const id = status.mountId;
    if (id === undefined) return new PodhandError('MOUNT_REFUSED', `the mount of ${quotePath(path)} cannot be told`);
    if (this.#checked.has(id)) return this.#checked.get(id);
    const refusal = this.#check(id, fd, status, path);
    this.#checked.set(id, refusal);
    return refusal;
  }

  #check(id: number, fd: number, status: FileStatus, path: Buffer): PodhandError | undefined {
    const mount = this.#mounts.get(id);
    if (mount === undefined) {
      return new PodhandError(
        'MOUNT_REFUSED',
        `${quotePath(path)} lies on a mount that was made later, or is not known`,
      );
    }
    if (mount.kind === 'pseudo') return notStored(path, mount.fsType);
    if (!this.#allowed.has(mount.kind)) return refused(path, mount);
    // A mount's number is given again once it is free; its device rarely is the same.
    if (!manyDevices.has(mount.fsType) && mount.dev !== status.dev) {
      return new PodhandError('MOUNT_REFUSED', `the mount of ${quotePath(path)} is not the one that was there`);
    }
    return readable.has(fstatfsType(fd)) ? undefined : notStored(path, mount.fsType);
  }

  /** The mount that the file is on, where it is known. */
  mountOf(status: FileStatus): Mount | undefined {
    return status.mountId === undefined ? undefined : this.#mounts.get(status.mountId);
  }
}

function refused(path: Buffer, { kind, mountPoint }: Mount): PodhandError {
  const message = `${quotePath(path)} lies on a mount of kind ${kind}, which the agent's configuration does not allow to be read`;
  const place = Buffer.from(mountPoint, 'latin1');
  return new PodhandError('MOUNT_REFUSED', message, { details: { kind, mountPoint: quotePath(place) } });
}

function notStored(path: Buffer, fsType: string): PodhandError {
  const message = `${quotePath(path)} lies on a file system of type ${fsType}, which holds no stored files to be read`;
  return new PodhandError('FILESYSTEM_REFUSED', message, { details: { fileSystem: fsType } });
}
