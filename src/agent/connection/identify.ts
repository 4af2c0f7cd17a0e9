import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PodhandError } from '../../wire/errors.ts';
import { parseCgroup } from '../linux/cgroup-path.ts';
import { pidfdExited, pidfdOpen } from '../linux/pidfd-calls.ts';
import { parseStartTime } from '../linux/proc-status.ts';
import { peerCredentials, peerPidfd } from '../linux/socket-calls.ts';
import { hasErrno } from '../linux/syscalls.ts';
import type { PodStore } from '../pods/store.ts';
import type { AdminCaller, PodCaller } from './caller.ts';

/** See CallerProcess.verifyLately. */
const latelyMs = 1;
/** How long a container that connects may be ahead of the source that names it. */
const namedWithinMs = 5000;
/** Some twenty lines, each a path of the node; a text that fills it is refused. */
const maxCgroupBytes = 16 * 1024;

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
 * Errors: CALLER_UNKNOWN, CALLER_NOT_OF_POD. What is returned is to be released.
 */
export async function identify(socketFd: number, options: Options): Promise<PodCaller> {
  if (options.witness === 'none') return { kind: 'pod', podUid: options.podUid };
  const { pid } = peerCredentials(socketFd);
  // 0: a process in a pid namespace that is not below ours.
  if (pid === 0) throw new PodhandError('CALLER_UNKNOWN', 'the calling process is not visible to the agent');
  const pidfd = peerPidfd(socketFd) ?? openWithoutRace(pid);
  let cgroupFd: number | undefined;
  try {
    cgroupFd = openCgroup(pid);
    const cgroup = readCgroup(cgroupFd, pidfd);
    const { podUid, containerId, conflict } = parseCgroup(cgroup, options.nodeCgroup);
    if (conflict || (podUid === undefined && containerId === undefined)) throw notOfPod();
    if (podUid !== undefined && podUid !== options.podUid) throw notOfPod();
    if (podUid === undefined && containerId !== undefined) await ofPodByContainer(containerId, options);
    const fd = cgroupFd;
    const into = Buffer.alloc(maxCgroupBytes);
    const verify = () => {
      if (readCgroup(fd, pidfd, into) !== cgroup) throw unknownCaller();
    };
    const verifyLately = lately(verify);
    const release = () => {
      closeSync(fd);
      closeSync(pidfd);
    };
    return { kind: 'pod', podUid: options.podUid, process: { pid, containerId, pidfd, verify, verifyLately, release } };
  } catch (error) {
    if (cgroupFd !== undefined) closeSync(cgroupFd);
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
  let cgroupFd: number | undefined;
  try {
    cgroupFd = openCgroup(pid);
    const { podUid, containerId, conflict } = parseCgroup(readCgroup(cgroupFd, pidfd), nodeCgroup);
    const own = parseCgroup(readFileSync('/proc/self/cgroup', 'latin1'), nodeCgroup);
    const ofNode = podUid === undefined && containerId === undefined;
    if (conflict || !(ofNode || (containerId !== undefined && containerId === own.containerId))) throw notRootOfNode();
    return { kind: 'admin', pid };
  } finally {
    if (cgroupFd !== undefined) closeSync(cgroupFd);
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

/** The peer's cgroup file, which stays that process' own, whoever gets its pid: a call is verified by one read. */
function openCgroup(pid: number): number {
  try {
    return openSync(`/proc/${pid}/cgroup`, constants.O_RDONLY);
  } catch (error) {
    if (hasErrno(error, 'ESRCH', 'ENOENT')) throw unknownCaller();
    throw error;
  }
}

/** What is in it now. The pidfd is asked after the reading: alive then, the file was that process' when it was opened. */
function readCgroup(fd: number, pidfd: number, into = Buffer.alloc(maxCgroupBytes)): string {
  try {
    const length = readSync(fd, into, 0, into.length, 0);
    if (length < into.length && !pidfdExited(pidfd)) return into.toString('latin1', 0, length);
  } catch (error) {
    // ENAMETOOLONG: a container can nest its own cgroups until their path is too long for the kernel to write.
    if (!hasErrno(error, 'ESRCH', 'ENOENT', 'ENAMETOOLONG')) throw error;
  }
  throw unknownCaller();
}

/** Reading a cgroup takes the kernel some 15 microseconds, as much as a small call takes us. */
function lately(verify: () => void): () => void {
  let verifiedAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = performance.now();
    if (now - verifiedAt < latelyMs) return;
    verify();
    verifiedAt = now;
  };
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
