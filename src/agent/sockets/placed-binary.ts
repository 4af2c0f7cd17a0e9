import { createHash } from 'node:crypto';
import { closeSync, readFileSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { PodhandError } from '../../wire/errors.ts';
import { AT_FDCWD, AT_SYMLINK_FOLLOW, O_TMPFILE, O_WRONLY } from '../linux/constants.ts';
import { fchmod, linkat, openat2 } from '../linux/file-calls.ts';
import { hasErrno, SyscallError } from '../linux/syscalls.ts';
import type { Obstacle } from './socket-file.ts';

/** What the emissary is called in a pod's volume, as `podhand init` calls it. */
export const binaryName = 'podhand-emissary';
const executable = 0o555;

/**
 * The emissary's binary, compared with the sum beside it (`<path>.sha256`). Once, at start-up.
 * Errors: FILE_NOT_FOUND, CHECKSUM_MISMATCH.
 */
export function loadBinary(path: string): Buffer {
  const content = read(path);
  const expected = read(`${path}.sha256`).toString('latin1').slice(0, 64);
  const sha256 = createHash('sha256').update(content).digest('hex');
  if (sha256 === expected) return content;
  throw new PodhandError('CHECKSUM_MISMATCH', `${path} has the sha256 ${sha256}, not ${expected} as it was built`);
}

/**
 * Puts the binary into a directory (O_PATH will do) that is another's: complete and executable for everybody, or not at
 * all. It is written where it has no name and then given one, so that nobody can touch it before; what has that name
 * already stays. Undefined: it is there.
 */
export function placeBinary(directoryFd: number, content: Uint8Array): Obstacle | undefined {
  try {
    const fd = openat2(directoryFd, Buffer.from('.'), { flags: O_TMPFILE | O_WRONLY, mode: executable, resolve: 0 });
    try {
      for (let at = 0; at < content.length; ) at += writeSync(fd, content, at);
      // The umask is ours, and not meant for this.
      fchmod(fd, executable);
      linkat(AT_FDCWD, Buffer.from(`/proc/self/fd/${fd}`), directoryFd, Buffer.from(binaryName), AT_SYMLINK_FOLLOW);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (hasErrno(error, 'EEXIST')) return undefined;
    if (error instanceof SyscallError || hasErrno(error, 'ENOSPC', 'EDQUOT', 'EIO', 'EROFS')) {
      return { obstacle: (error as { code: string }).code };
    }
    throw error;
  }
  return undefined;
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const message = `there is no ${basename(path)} at ${path} (emissary.binary): npm run build:emissary makes it`;
    throw new PodhandError('FILE_NOT_FOUND', message, { cause: error });
  }
}
