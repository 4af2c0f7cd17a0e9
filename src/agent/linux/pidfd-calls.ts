import { bindSyscall, hasErrno, refuse, SyscallError } from './syscalls.ts';

const raw = {
  open: bindSyscall('pidfd_open', 'number', 'number'),
  sendSignal: bindSyscall('pidfd_send_signal', 'number', 'number', 'memory', 'number'),
  ioctl: bindSyscall('ioctl', 'number', 'number', 'memory'),
  ppoll: bindSyscall('ppoll', 'memory', 'number', 'memory', 'memory', 'number'),
};

/** A close-on-exec descriptor of a process. ESRCH: no such process, or it is reaped. EINVAL: a thread, not a process. */
export function pidfdOpen(pid: number): number {
  return raw.open(pid, 0);
}

/** Sends a signal to exactly the process that the descriptor was opened for. ESRCH: reaped. A zombie takes it silently. */
export function pidfdSendSignal(pidfd: number, signal: number): void {
  raw.sendSignal(pidfd, signal, null, 0);
}

/** Whether the process has ended, reaped or not. */
export function pidfdExited(pidfd: number): boolean {
  const pollfd = new Uint32Array([pidfd, POLLIN]);
  if (raw.ppoll(pollfd, 1, new BigUint64Array(2), null, 0) === 0) return false;
  const answered = (pollfd[1] ?? 0) >>> 16;
  if ((answered & POLLNVAL) !== 0) refuse('ppoll', 'EBADF');
  return (answered & POLLIN) !== 0;
}

/** Whether the process has ended and was reaped: from then on its pid may be another's. */
export function pidfdReaped(pidfd: number): boolean {
  try {
    pidfdSendSignal(pidfd, 0);
    return false;
  } catch (error) {
    if (hasErrno(error, 'ESRCH')) return true;
    // Not allowed to, so it is there.
    if (hasErrno(error, 'EPERM')) return false;
    throw error;
  }
}

export interface PidfdInfo {
  /** Ended and reaped by its parent; false for a zombie (ask `pidfdExited`). The ids are absent once reaped. */
  readonly reaped: boolean;
  readonly ids?: {
    /** As the pid namespace of this process numbers them. */
    readonly pid: number;
    readonly tgid: number;
    readonly ppid: number;
    readonly ruid: number;
    readonly rgid: number;
    readonly euid: number;
    readonly egid: number;
    readonly suid: number;
    readonly sgid: number;
    readonly fsuid: number;
    readonly fsgid: number;
  };
  /** The inode of its cgroup v2 directory; survives reaping. */
  readonly cgroupId?: bigint;
  /** As waitpid(2) has it, once reaped; Linux 6.15 and later. */
  readonly waitStatus?: number;
}

const POLLIN = 0x01;
const POLLNVAL = 0x20;
const PIDFD_GET_INFO = 0xc040ff0b;
const INFO_PID = 1;
const INFO_CREDS = 2;
const INFO_CGROUP = 4;
const INFO_EXIT = 8;

/** What the kernel knows of the process, of one that is not our child too; undefined before Linux 6.13. */
export function pidfdGetInfo(pidfd: number): PidfdInfo | undefined {
  const info = new Uint32Array(16);
  info[0] = INFO_PID | INFO_CREDS | INFO_CGROUP | INFO_EXIT;
  try {
    raw.ioctl(pidfd, PIDFD_GET_INFO, info);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    // 6.13 and 6.14 have the call but forget the process once it is reaped.
    if (error.code === 'ESRCH') return { reaped: true };
    if (error.code === 'ENOTTY' || error.code === 'EINVAL') return undefined;
    throw error;
  }
  const word = (at: number): number => info[at] ?? 0;
  const mask = word(0);
  const exited = (mask & INFO_EXIT) !== 0;
  return {
    reaped: exited,
    ...((mask & INFO_CREDS) !== 0 && {
      ids: {
        pid: word(4),
        tgid: word(5),
        ppid: word(6),
        ruid: word(7),
        rgid: word(8),
        euid: word(9),
        egid: word(10),
        suid: word(11),
        sgid: word(12),
        fsuid: word(13),
        fsgid: word(14),
      },
    }),
    ...((mask & INFO_CGROUP) !== 0 && { cgroupId: (BigInt(word(3)) << 32n) | BigInt(word(2)) }),
    ...(exited && { waitStatus: word(15) }),
  };
}
