import { closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs';
import { O_PATH } from '../linux/constants.ts';
import type { FileCredentials } from '../linux/credentials.ts';
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

/** The node's own root and mount namespace, to tell those of containers from. */
export interface NodeRoot {
  readonly dev: string;
  readonly ino: number | bigint;
  readonly mountNamespace: string | undefined;
}

export function readNodeRoot(): NodeRoot {
  const process = ofNode();
  const fd = openSync(`/proc/${process}/root`, constants.O_DIRECTORY | O_PATH);
  try {
    const { dev, ino } = statx(fd);
    return { dev, ino, mountNamespace: readLink(`/proc/${process}/ns/mnt`) };
  } finally {
    closeSync(fd);
  }
}

/**
 * The process whose root is the node's: the first one. It is closed to an agent that has fewer capabilities than it (a
 * machine whose init is itself supervised); there the agent runs on the node, and its own root is the same.
 */
function ofNode(): '1' | 'self' {
  try {
    readlinkSync('/proc/1/ns/mnt');
    return '1';
  } catch (error) {
    if (hasErrno(error, 'EACCES', 'EPERM')) return 'self';
    throw error;
  }
}

/** The process's root, once it is neither the node's directory nor in the node's mount namespace; to be closed. */
export function openOwnRoot(pid: number, node: NodeRoot): RootDescriptors | undefined {
  if (readLink(`/proc/${pid}/ns/mnt`) === node.mountNamespace) return undefined;
  const rootFd = open(`/proc/${pid}/root`, constants.O_DIRECTORY | O_PATH);
  if (rootFd === undefined) return undefined;
  const { dev, ino } = statx(rootFd);
  // A runtime's first process is in its own namespace for a while before it is in its own root.
  const mountNamespaceFd = dev === node.dev && ino === node.ino ? undefined : open(`/proc/${pid}/ns/mnt`, 0);
  if (mountNamespaceFd !== undefined) return { rootFd, mountNamespaceFd };
  closeSync(rootFd);
  return undefined;
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
