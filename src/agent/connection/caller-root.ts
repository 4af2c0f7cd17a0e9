import { closeSync, readFileSync, readlinkSync } from 'node:fs';
import { PodhandError } from '../../wire/errors.ts';
import type { CallerRoot } from '../files/source.ts';
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH } from '../linux/constants.ts';
import { openat2 } from '../linux/file-calls.ts';
import { parseProcStatus } from '../linux/proc-status.ts';
import { hasErrno } from '../linux/syscalls.ts';
import type { CallContext } from './caller.ts';

/**
 * Opens the root of the calling process, to write into it with that process' own rights. The caller is verified after
 * the opening, so that a reused pid cannot lend another root. `rootFd` is the receiver's to close.
 * Errors: NO_CALLER_CONTAINER, CALLER_UNKNOWN.
 */
export function openCallerRoot(context: CallContext): CallerRoot {
  const { caller } = context;
  if (caller.kind !== 'pod') {
    throw new PodhandError(
      'NO_CALLER_CONTAINER',
      'there is no calling container to save into: call from a container of the pod',
    );
  }
  if (caller.process === undefined) {
    throw new PodhandError(
      'NO_CALLER_CONTAINER',
      'this agent does not see the calling process, so it cannot save into its volumes; CollectArtifact brings the bytes',
    );
  }
  const { pid, verify } = caller.process;
  try {
    const name = Buffer.from(`/proc/${pid}/root`);
    const rootFd = openat2(AT_FDCWD, name, { flags: O_PATH | O_DIRECTORY | O_CLOEXEC, resolve: 0 });
    try {
      const mountInfo = readFileSync(`/proc/${pid}/mountinfo`, 'latin1');
      const status = parseProcStatus(readFileSync(`/proc/${pid}/status`, 'latin1'));
      verify();
      if (status === undefined) throw new PodhandError('CALLER_UNKNOWN', 'the calling process has ended');
      // Capabilities of another user namespace are worth nothing here.
      const sameUsers = readlinkSync(`/proc/${pid}/ns/user`) === readlinkSync('/proc/self/ns/user');
      const credentials = {
        uid: status.uid.fileSystem,
        gid: status.gid.fileSystem,
        groups: status.groups,
        capabilities: sameUsers ? status.effectiveCapabilities : 0n,
      };
      return { podUid: caller.podUid, rootFd, mountInfo, credentials };
    } catch (error) {
      closeSync(rootFd);
      throw error;
    }
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH')) throw new PodhandError('CALLER_UNKNOWN', 'the calling process has ended');
    throw error;
  }
}
