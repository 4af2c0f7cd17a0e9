import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { AT_FDCWD, O_PATH, RESOLVE_IN_ROOT } from '../../agent/linux/constants.ts';
import { openat2 } from '../../agent/linux/file-calls.ts';
import { pidfdGetInfo, pidfdOpen } from '../../agent/linux/pidfd-calls.ts';
import { hasPeerPidfd } from '../../agent/linux/socket-calls.ts';
import { SyscallError } from '../../agent/linux/syscalls.ts';
import { unixStreamSocket } from '../../agent/linux/unix-socket.ts';
import type { Check, Finding } from '../check.ts';

const kernel = `Linux ${release()}`;

/** Runs a call that gives a descriptor. ENOSYS: not in this kernel; EPERM: a seccomp profile denies it. */
function call(open: () => number, remedy: string): Finding {
  try {
    closeSync(open());
    return { ok: true, found: kernel };
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    return { ok: false, found: `${kernel}: ${error.code}`, remedy };
  }
}

export const openat2Check: Check = {
  name: 'openat2',
  run: () =>
    call(
      () => openat2(AT_FDCWD, Buffer.from('/'), { flags: O_PATH, resolve: RESOLVE_IN_ROOT }),
      'Linux 5.6 or later, and a seccomp profile that allows it',
    ),
};

export const pidfdCheck: Check = {
  name: 'pidfd_open',
  run: () => call(() => pidfdOpen(process.pid), 'Linux 5.3 or later, and a seccomp profile that allows it'),
};

export const peerPidfdCheck: Check = {
  name: 'SO_PEERPIDFD',
  run: () => {
    const fd = unixStreamSocket();
    try {
      if (hasPeerPidfd(fd)) return { ok: true, found: kernel };
      return {
        ok: false,
        found: kernel,
        remedy: 'before Linux 6.5 a caller is told from a reused pid by its start time',
      };
    } finally {
      closeSync(fd);
    }
  },
};

/** Asked of a process that has ended and was reaped, as it is asked of containers. */
export const exitInfoCheck: Check = {
  name: 'PIDFD_GET_INFO exit',
  run: async (_config, signal) => {
    const child = spawn(process.execPath, ['--version'], { stdio: 'ignore', env: {}, signal });
    child.on('error', () => undefined);
    if (child.pid === undefined) return { ok: false, found: 'no process could be started to try it on' };
    const pidfd = pidfdOpen(child.pid);
    try {
      await once(child, 'exit', { signal });
      // Node tells of the exit after it has reaped the child; the kernel may still be at it.
      await sleep(1, undefined, { signal });
      if (pidfdGetInfo(pidfd)?.waitStatus === 0) return { ok: true, found: kernel };
      const remedy =
        'before Linux 6.15 an exit code is known where the source of pods tells it, or the agent is quicker than the runtime';
      return { ok: false, found: kernel, remedy };
    } finally {
      closeSync(pidfd);
    }
  },
};
