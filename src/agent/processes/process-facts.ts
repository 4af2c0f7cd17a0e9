import { closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs';
import { O_PATH } from '../linux/constants.ts';
import type { FileCredentials } from '../linux/credentials.ts';
import { isKernelFrom } from '../linux/kernel-version.ts';
import { type MountEntry, parseMountInfo } from '../linux/mountinfo.ts';
import { readNodeMounts } from '../linux/node.ts';
import { pidfdReaped } from '../linux/pidfd-calls.ts';
import { type ProcStatus, parseProcStatus, parseStartTime } from '../linux/proc-status.ts';
import { statxCached } from '../linux/statx.ts';
import { hasErrno, SyscallError } from '../linux/syscalls.ts';

/**
 * What procfs says of a process by its pid. Undefined: it has ended, or just that file cannot be read of it any more.
 * A pid may pass to another process between any two calls: who needs to be sure asks a pidfd afterwards.
 */

export function readStatus(pid: number): ProcStatus | undefined {
  const text = read(`/proc/${pid}/status`);
  return text === undefined ? undefined : parseProcStatus(text);
}

export function readCgroup(pid: number): string | undefined {
  return read(`/proc/${pid}/cgroup`);
}

/** As latin1: names are bytes. */
export function readMountInfo(pid: number): string | undefined {
  return read(`/proc/${pid}/mountinfo`, 'latin1');
}

/** In clock ticks since boot. */
export function readStartTime(pid: number): number | undefined {
  return parseStartTime(read(`/proc/${pid}/stat`) ?? '');
}

/**
 * A descriptor that tells `parseZombieStatus` how the process has ended, from its end (as its pidfd has it: the first
 * thread may end earlier) until its parent has reaped it; to be closed. Undefined: the process was reaped, or the kernel
 * does not tell of the process as a whole (before Linux 5.17).
 */
export function openStat(pid: number, pidfd: number): number | undefined {
  const fd = tellsStatusOfProcess ? openOrNothing(`/proc/${pid}/stat`) : undefined;
  // Until it is reaped its pid is its own.
  if (fd === undefined || !pidfdReaped(pidfd)) return fd;
  closeSync(fd);
  return undefined;
}

const tellsStatusOfProcess = isKernelFrom(5, 17);

/** What is told earlier with it is told without it too: no descriptor left for it keeps no process from being watched. */
function openOrNothing(path: string): number | undefined {
  try {
    return open(path, constants.O_RDONLY);
  } catch (error) {
    if (hasErrno(error, 'EMFILE', 'ENFILE')) return undefined;
    throw error;
  }
}

/** Clock ticks are 1/100 s for every reader of procfs, on both architectures. */
const ticksPerSecond = 100;

/** When a process started, to 10 ms, on the wall clock as it is set now. */
export function startedAt(startTime: number): Date {
  // Not btime of /proc/stat: that is in whole seconds, so that a process would seem older than its container.
  const uptime = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]);
  return new Date(Date.now() - (uptime - startTime / ticksPerSecond) * 1000);
}

/** With whose rights the process opens files; `capabilities` as they are in its own user namespace. Of a zombie too. */
export function readCredentials(pid: number): FileCredentials | undefined {
  const status = readStatus(pid);
  return (
    status && {
      uid: status.uid.fileSystem,
      gid: status.gid.fileSystem,
      groups: status.groups,
      capabilities: status.effectiveCapabilities,
    }
  );
}

/** Whether its capabilities are good for anything here. Undefined: it has ended, and has no namespaces any more. */
export function sharesUserNamespace(pid: number): boolean | undefined {
  const namespace = readLink(`/proc/${pid}/ns/user`);
  return namespace === undefined ? undefined : namespace === readLink('/proc/self/ns/user');
}

export interface OwnRoot {
  /** O_PATH descriptor of the process's root directory. */
  readonly rootFd: number;
  /** Keeps the mounts below it, when all of its processes have ended. */
  readonly mountNamespaceFd: number;
  /** Its mountinfo, as told from that root. */
  readonly mountInfo: string;
}

/** What is mounted at `/` of the node, and its mount namespace, to tell those of containers from. */
export interface NodeRoot {
  readonly dev: string;
  readonly root: string;
  /** Undefined where the node's first process is closed to the agent: its init has rights that the agent lacks. */
  readonly mountNamespace: string | undefined;
}

/** By the node's first process, never by the agent's own root: that is its image's, where the agent is a container. */
export function readNodeRoot(): NodeRoot {
  const mount = parseMountInfo(readNodeMounts()).find(({ mountPoint }) => mountPoint === '/');
  if (!mount) throw new Error('the first process of this pid namespace has nothing mounted at /');
  return { dev: mount.dev, root: mount.root, mountNamespace: readLink('/proc/1/ns/mnt') };
}

/** The process's root, once it is a container's, in a mount namespace that is not the node's; to be closed. */
export function openOwnRoot(pid: number, node: NodeRoot): OwnRoot | undefined {
  const found = openRoot(pid, node);
  if (!found) return undefined;
  const { rootFd, mountInfo, mounts, mount } = found;
  // A container's program can make any of its mounts its root (chroot), a Secret or a hostPath too. There is no procfs in
  // these, and without further rights it mounts none; runtimes mount one before they change the root.
  const isContainers = mount !== undefined && !isNodes(mount, node) && mounts.some(isProcfs);
  const mountNamespaceFd = isContainers ? open(`/proc/${pid}/ns/mnt`, 0) : undefined;
  if (mountNamespaceFd !== undefined) return { rootFd, mountNamespaceFd, mountInfo };
  closeSync(rootFd);
  return undefined;
}

/** Whether it is in a root of its own, be that the container's or what its program has made of it. */
export function hasOwnRoot(pid: number, node: NodeRoot): boolean {
  const found = openRoot(pid, node);
  if (!found) return false;
  closeSync(found.rootFd);
  return found.mount === undefined || !isNodes(found.mount, node);
}

interface FoundRoot {
  readonly rootFd: number;
  readonly mountInfo: string;
  readonly mounts: readonly MountEntry[];
  /** The one that its root is; undefined where that is a directory below a mount. */
  readonly mount: MountEntry | undefined;
}

/** The root of a process that is in a mount namespace of its own, and not in the directory that its runtime is in. */
function openRoot(pid: number, node: NodeRoot): FoundRoot | undefined {
  const namespace = readLink(`/proc/${pid}/ns/mnt`);
  if (namespace === undefined || namespace === node.mountNamespace) return undefined;
  const rootFd = open(`/proc/${pid}/root`, constants.O_DIRECTORY | O_PATH);
  if (rootFd === undefined) return undefined;
  let found: FoundRoot | undefined;
  try {
    const mountInfo = readMountInfo(pid);
    const mounts = parseMountInfo(mountInfo ?? '');
    const mount = mountOfRoot(rootFd, mounts);
    // Nothing to read: it has ended meanwhile, as a runtime's helpers do. Below a mount (chroot) the table is empty. While
    // unshare(2) moves a helper its root is not in the table either: the one is old for a moment, the other new.
    if (mountInfo !== undefined && !isOfParent(rootFd, pid)) found = { rootFd, mountInfo, mounts, mount };
  } catch (error) {
    // Of a file system whose server is dead nothing is told.
    if (!(error instanceof SyscallError)) throw error;
  } finally {
    if (!found) closeSync(rootFd);
  }
  return found;
}

/**
 * Whether its parent is in that directory too, as a runtime's helpers are, also where the runtime has a root and mounts of
 * its own. True where that cannot be told: the parent has just ended, and it gets another.
 */
function isOfParent(rootFd: number, pid: number): boolean {
  const parentPid = readStatus(pid)?.parentPid;
  // Outside of the pid namespace that the agent sees.
  if (parentPid === 0) return false;
  const parentFd = parentPid && open(`/proc/${parentPid}/root`, constants.O_DIRECTORY | O_PATH);
  if (parentFd === undefined) return true;
  try {
    const [own, parents] = [statxCached(rootFd), statxCached(parentFd)];
    return own.dev === parents.dev && own.ino === parents.ino;
  } finally {
    closeSync(parentFd);
  }
}

/**
 * A runtime's first process is in its own namespace for a while before it is in its own root: there it has a copy of the
 * node's mounts, and the node's directory.
 */
function isNodes(mount: MountEntry, node: NodeRoot): boolean {
  return mount.dev === node.dev && mount.root === node.root;
}

function isProcfs({ mountPoint, fsType }: MountEntry): boolean {
  return mountPoint === '/proc' && fsType === 'proc';
}

/**
 * Whether a mountinfo was told from that root. A process that has changed its root since (chroot) tells of the mounts
 * below the new one alone, by names that mean something else below the old one; in another namespace, of other mounts.
 */
export function isToldFrom(rootFd: number, mountInfo: string): boolean {
  return mountOfRoot(rootFd, parseMountInfo(mountInfo)) !== undefined;
}

/** By the number of the mount: while the root is held, no other gets it. */
function mountOfRoot(rootFd: number, mounts: readonly MountEntry[]): MountEntry | undefined {
  // The program may have made a file system its root whose server never answers.
  const { mountId } = statxCached(rootFd);
  if (mountId === undefined) throw new Error('statx tells no mounts: Linux 5.8 or later is needed');
  return mounts.find((mount) => mount.mountId === mountId && mount.mountPoint === '/');
}

/** ESRCH, EINVAL: what procfs answers of a process that is ending. */
const ended = ['ENOENT', 'ESRCH', 'EINVAL', 'EACCES'] as const;

function unlessEnded<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (hasErrno(error, ...ended)) return undefined;
    throw error;
  }
}

function read(path: string, encoding: 'utf8' | 'latin1' = 'utf8'): string | undefined {
  return unlessEnded(() => readFileSync(path, encoding));
}

function readLink(path: string): string | undefined {
  return unlessEnded(() => readlinkSync(path));
}

function open(path: string, flags: number): number | undefined {
  return unlessEnded(() => openSync(path, flags));
}
