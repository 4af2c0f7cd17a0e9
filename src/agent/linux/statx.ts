import { AT_EMPTY_PATH, AT_STATX_DONT_SYNC, AT_SYMLINK_NOFOLLOW } from './constants.ts';
import { bindSyscall, pathMemory } from './syscalls.ts';

export interface FileStatus {
  /** `major:minor`, as mountinfo writes it. */
  readonly dev: string;
  readonly devMajor: number;
  readonly devMinor: number;
  /** A bigint where it is 2^53 or more (overlayfs uses the high bits); the same file always has the same type. */
  readonly ino: number | bigint;
  /** File type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  /** Bytes. */
  readonly size: number;
  /** Of 512 bytes. */
  readonly blocks: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanos: number;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  /** As in mountinfo's first field; undefined before Linux 5.8. */
  readonly mountId: number | undefined;
  /** The file is the root of a mount. */
  readonly mountRoot: boolean;
}

const raw = bindSyscall('statx', 'number', 'memory', 'number', 'number', 'memory');
const path = pathMemory();
const words = new Uint32Array(64);
const STATX_BASIC_STATS = 0x7ff;
const STATX_MNT_ID = 0x1000;
const STATX_ATTR_MOUNT_ROOT = 0x2000;
const nothing = new Uint8Array(0);
const high = 2 ** 32;

/**
 * Status of an open file (O_PATH included), or of `name` in a directory. A last component that is a link is itself
 * looked at unless `flags` says otherwise (AT_*). Nothing else is followed safely: names have one component here.
 */
export function statx(dirfd: number, name: Uint8Array = nothing, flags = AT_SYMLINK_NOFOLLOW): FileStatus {
  const place = name.length === 0 ? flags | AT_EMPTY_PATH : flags;
  raw(dirfd, path('statx', name), place, STATX_BASIC_STATS | STATX_MNT_ID, words);
  const devMajor = word(34);
  const devMinor = word(35);
  return {
    dev: `${devMajor}:${devMinor}`,
    devMajor,
    devMinor,
    ino: inode(word(8), word(9)),
    mode: word(7) & 0xffff,
    uid: word(5),
    gid: word(6),
    nlink: word(4),
    size: word(11) * high + word(10),
    blocks: word(13) * high + word(12),
    mtimeSeconds: (word(29) | 0) * high + word(28),
    mtimeNanos: word(30),
    rdevMajor: word(32),
    rdevMinor: word(33),
    mountId: (word(0) & STATX_MNT_ID) === 0 ? undefined : word(37) * high + word(36),
    mountRoot: (word(2) & STATX_ATTR_MOUNT_ROOT) !== 0,
  };
}

/** As `statx`, without asking a remote or FUSE server: for a look at a mount that may never answer. */
export function statxCached(dirfd: number, name: Uint8Array = nothing): FileStatus {
  return statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC);
}

function inode(low: number, top: number): number | bigint {
  return top < 2 ** 21 ? top * high + low : (BigInt(top) << 32n) | BigInt(low);
}

function word(at: number): number {
  return words[at] ?? 0;
}
