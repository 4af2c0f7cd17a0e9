import { readFileSync, readlinkSync } from 'node:fs';
import {
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_KILL,
  CAP_SETGID,
  CAP_SETUID,
  CAP_SYS_PTRACE,
} from '../../agent/linux/constants.ts';
import { parseProcStatus } from '../../agent/linux/proc-status.ts';
import { hasErrno } from '../../agent/linux/syscalls.ts';
import type { Check, Finding } from '../check.ts';

/** One of the capabilities will do. */
function capability(name: string, masks: bigint, what: string): Check {
  return {
    name,
    run: () => {
      const own = parseProcStatus(readFileSync('/proc/self/status', 'latin1'))?.effectiveCapabilities ?? 0n;
      if ((own & masks) !== 0n) return { ok: true, found: 'effective' };
      return { ok: false, found: 'not effective', remedy: `without it ${what}` };
    },
  };
}

export const ptraceCheck = capability('CAP_SYS_PTRACE', CAP_SYS_PTRACE, 'no container’s root can be opened');
export const readSearchCheck = capability(
  'CAP_DAC_READ_SEARCH',
  CAP_DAC_READ_SEARCH | CAP_DAC_OVERRIDE,
  'root of a container is refused what it reads there of other users’ files',
);
export const killCheck = capability('CAP_KILL', CAP_KILL, 'containers of other users cannot be signalled');
export const setuidCheck = capability('CAP_SETUID', CAP_SETUID, 'files cannot be opened as the container’s user');
export const setgidCheck = capability('CAP_SETGID', CAP_SETGID, 'files cannot be opened as the container’s groups');

/** The inode of the first pid namespace of every Linux. */
const initialNamespace = 'pid:[4026531836]';

/** A caller that the agent cannot see has no identity. */
export const hostPidCheck: Check = {
  name: 'host pid namespace',
  run: (): Finding => {
    const remedy = 'run the agent in the host’s pid namespace (hostPID: true)';
    if (readlinkSync('/proc/self/ns/pid') === initialNamespace) return { ok: true, found: 'the machine’s' };
    try {
      // A node that is itself a container has a pid namespace of its own, and an init that is not of our container.
      const command = readFileSync('/proc/1/comm', 'latin1').trim();
      const isOwn = readlinkSync('/proc/1/ns/mnt') === readlinkSync('/proc/self/ns/mnt') || command === 'pause';
      const found = `process 1 is "${command}"`;
      return isOwn ? { ok: false, found, remedy } : { ok: true, found };
    } catch (error) {
      if (!hasErrno(error, 'EACCES', 'EPERM', 'ENOENT')) throw error;
      return { ok: false, found: `process 1 cannot be looked at: ${(error as { code: string }).code}`, remedy };
    }
  },
};
