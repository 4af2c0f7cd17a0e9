import { closeSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PodhandError } from '../../wire/errors.ts';
import { parseCgroup } from '../linux/cgroup-path.ts';
import { pidfdExited, pidfdOpen } from '../linux/pidfd-calls.ts';
import { parseStartTime } from '../linux/proc-status.ts';
import { peerCredentials, peerPidfd } from '../linux/socket-calls.ts';
import { hasErrno } from '../linux/syscalls.ts';
import type { PodStore } from '../pods/store.ts';
import type { AdminCaller, PodCaller } from './caller.ts';

/** How long a container that connects may be ahead of the source that names it. */
const namedWithinMs = 5000;

interface Options {
  readonly store: PodStore;
  /** The pod whose socket was called. */
  readonly podUid: string;
  /** The cgroup that the whole node lives in; see `nodeCgroup()`. */
  readonly nodeCgroup: string;
  /** `none`: the agent cannot see the processes of the node, and the socket alone says who calls. */
  readonly witness: 'cgroup' | 'none';
  readonly signal: AbortSignal;
}

/**
 * Who connected: the socket says which pod, and the peer's cgroup, which the kernel writes, has to say the same. The
 * identity is of the process that connected; a socket that was passed to another process dies with the first one. With
 * `witness: none` there is no process, and a socket that was passed on lives on.
 * Errors: CALLER_UNKNOWN, CALLER_NOT_OF_POD. The returned `pidfd` is the caller's to close.
 */
export async function identify(socketFd: number, options: Options): Promise<PodCaller> {
  if (options.witness === 'none') return { kind: 'pod', podUid: options.podUid };
  const { pid } = peerCredentials(socketFd);
  // 0: a process in a pid namespace that is not below ours.
  if (pid === 0) throw new PodhandError('CALLER_UNKNOWN', 'the calling process is not visible to the agent');
  const pidfd = peerPidfd(socketFd) ?? openWithoutRace(pid);
  try {
    const cgroup = readCgroup(pid, pidfd);
    const { podUid, containerId, conflict } = parseCgroup(cgroup, options.nodeCgroup);
    if (conflict || (podUid === undefined && containerId === undefined)) throw notOfPod();
    if (podUid !== undefined && podUid !== options.podUid) throw notOfPod();
    if (podUid === undefined && containerId !== undefined) await ofPodByContainer(containerId, options);
    const verify = () => {
      if (readCgroup(pid, pidfd) !== cgroup) throw unknownCaller();
    };
    return { kind: 'pod', podUid: options.podUid, process: { pid, containerId, pidfd, verify } };
  } catch (error) {
    closeSync(pidfd);
    throw error;
  }
}

/**
 * Who connected to the admin socket: root of the node, or root in the agent's own container. Root of any other container
 * is not, though a hostPath may have brought it to the socket. Errors: CALLER_UNKNOWN.
 */
export function identifyAdmin(socketFd: number, nodeCgroup: string): AdminCaller {
  const { pid, uid } = peerCredentials(socketFd);
  if (pid === 0 || uid !== 0) throw notRootOfNode();
  const pidfd = peerPidfd(socketFd) ?? openWithoutRace(pid);
  try {
    const { podUid, containerId, conflict } = parseCgroup(readCgroup(pid, pidfd), nodeCgroup);
    const own = parseCgroup(readFileSync('/proc/self/cgroup', 'latin1'), nodeCgroup);
    const ofNode = podUid === undefined && containerId === undefined;
    if (conflict || !(ofNode || (containerId !== undefined && containerId === own.containerId))) throw notRootOfNode();
    return { kind: 'admin', pid };
  } finally {
    closeSync(pidfd);
  }
}

/** Before Linux 6.5: the pid could have been reused before the pidfd was opened; its start time tells. */
function openWithoutRace(pid: number): number {
  const before = startTime(pid);
  const pidfd = pidfdOpen(pid);
  if (startTime(pid) === before && before !== undefined) return pidfd;
  closeSync(pidfd);
  throw unknownCaller();
}

function startTime(pid: number): number | undefined {
  try {
    return parseStartTime(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** The text of the peer's cgroup file. The pidfd is asked after the reading: alive then, it was that process' file. */
function readCgroup(pid: number, pidfd: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/cgroup`, 'latin1');
    if (!pidfdExited(pidfd)) return text;
  } catch (error) {
    if (!hasErrno(error, 'ESRCH', 'ENOENT')) throw error;
  }
  throw unknownCaller();
}

/** Without a kubelet the cgroup names the container only; the source says whose it is. */
async function ofPodByContainer(containerId: string, options: Options): Promise<void> {
  const until = performance.now() + namedWithinMs;
  for (;;) {
    const found = options.store.find(containerId);
    if (found?.pod.uid === options.podUid) return;
    if (found !== undefined || performance.now() > until) throw notOfPod();
    await sleep(20, undefined, { signal: options.signal });
  }
}

function notOfPod(): PodhandError {
  return new PodhandError(
    'CALLER_NOT_OF_POD',
    'the calling process is not in a container of the pod that owns this socket',
  );
}

function notRootOfNode(): PodhandError {
  return new PodhandError('CALLER_UNKNOWN', 'the admin socket answers root of the node only');
}

function unknownCaller(): PodhandError {
  return new PodhandError('CALLER_UNKNOWN', 'the process that opened this connection has ended or left its container');
}
