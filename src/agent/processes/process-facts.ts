import { closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs';
import { O_PATH } from '../linux/constants.ts';
import type { FileCredentials } from '../linux/credentials.ts';
import { parseMountInfo } from '../linux/mountinfo.ts';
import { readNodeMounts } from '../linux/node.ts';
import { type ProcStatus, parseProcStatus, parseStartTime } from '../linux/proc-status.ts';
import { statx } from '../linux/statx.ts';
import { hasErrno } from '../linux/syscalls.ts';

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

export function readMountInfo(pid: number): string | undefined {
  return read(`/proc/${pid}/mountinfo`);
}

/** In clock ticks since boot. */
export function readStartTime(pid: number): number | undefined {
  return parseStartTime(read(`/proc/${pid}/stat`) ?? '');
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

export interface RootDescriptors {
  /** O_PATH descriptor of the process's root directory. */
  readonly rootFd: number;
  /** Keeps the mounts below it, when all of its processes have ended. */
  readonly mountNamespaceFd: number;
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

/** The process's root, once it is neither the node's nor in the node's mount namespace; to be closed. */
export function openOwnRoot(pid: number, node: NodeRoot): RootDescriptors | undefined {
  const namespace = readLink(`/proc/${pid}/ns/mnt`);
  if (namespace === undefined || namespace === node.mountNamespace) return undefined;
  const rootFd = open(`/proc/${pid}/root`, constants.O_DIRECTORY | O_PATH);
  if (rootFd === undefined) return undefined;
  // A runtime's first process is in its own namespace for a while before it is in its own root: there it has a copy of
  // the node's mounts, and this descriptor is the node's directory.
  const own = isNotTheNodes(rootFd, readMountInfo(pid) ?? '', node);
  const mountNamespaceFd = own ? open(`/proc/${pid}/ns/mnt`, 0) : undefined;
  if (mountNamespaceFd !== undefined) return { rootFd, mountNamespaceFd };
  closeSync(rootFd);
  return undefined;
}

/** By the mount that the directory is on; a mount that is not in the table any more says nothing. */
function isNotTheNodes(rootFd: number, mountInfo: string, node: NodeRoot): boolean {
  const { mountId, mountRoot } = statx(rootFd);
  if (mountId === undefined) throw new Error('statx tells no mounts: Linux 5.8 or later is needed');
  const mount = parseMountInfo(mountInfo).find((each) => each.mountId === mountId);
  if (!mount) return false;
  return mount.dev !== node.dev || mount.root !== node.root || !mountRoot;
}

export function hasOwnRoot(pid: number, node: NodeRoot): boolean {
  const root = openOwnRoot(pid, node);
  if (!root) return false;
  closeSync(root.rootFd);
  closeSync(root.mountNamespaceFd);
  return true;
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

function read(path: string): string | undefined {
  return unlessEnded(() => readFileSync(path, 'utf8'));
}

function readLink(path: string): string | undefined {
  return unlessEnded(() => readlinkSync(path));
}

function open(path: string, flags: number): number | undefined {
  return unlessEnded(() => openSync(path, flags));
}
