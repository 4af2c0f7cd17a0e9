import { bindSyscall, hasErrno, SyscallError } from './syscalls.ts';

const raw = bindSyscall('getsockopt', 'number', 'number', 'number', 'memory', 'memory');
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERPIDFD = 77;

export interface PeerCredentials {
  /** Of the process that connected, at that time; 0 where it is in a pid namespace that we cannot see. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Who connected to this unix stream socket. */
export function peerCredentials(fd: number): PeerCredentials {
  const answer = new Uint32Array(3);
  raw(fd, SOL_SOCKET, SO_PEERCRED, answer, new Uint32Array([12]));
  return { pid: answer[0] ?? 0, uid: answer[1] ?? 0, gid: answer[2] ?? 0 };
}

/**
 * A new pidfd (to be closed by the caller) of the process that connected, free of any race with the reuse of its pid;
 * undefined before Linux 6.5, and where that process was reaped before and the kernel (before 6.16) has no pidfd of it.
 */
export function peerPidfd(fd: number): number | undefined {
  const answer = new Uint32Array(1);
  try {
    raw(fd, SOL_SOCKET, SO_PEERPIDFD, answer, new Uint32Array([4]));
  } catch (error) {
    if (hasErrno(error, 'ENOPROTOOPT', 'ESRCH', 'EINVAL', 'ENODATA')) return undefined;
    throw error;
  }
  return answer[0];
}

/** Whether this kernel has SO_PEERPIDFD: asked of a socket that has no peer. */
export function hasPeerPidfd(unconnectedFd: number): boolean {
  try {
    raw(unconnectedFd, SOL_SOCKET, SO_PEERPIDFD, new Uint32Array(1), new Uint32Array([4]));
    return true;
  } catch (error) {
    if (error instanceof SyscallError) return error.code !== 'ENOPROTOOPT';
    throw error;
  }
}
