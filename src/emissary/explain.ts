import { errno, isErrno, SystemError } from './errno.ts';
import type { System } from './system.ts';

export const defaultTerminationLog = '/dev/termination-log';

/** As much as a kubelet reads of it. */
const terminationLogCharacters = 4096;

/** Says a reason on stderr, and writes it to the termination log where the pod has one. */
export function explain(system: System, message: string, terminationLog: string): void {
  system.say(message);
  const { files } = system;
  try {
    const fd = files.open(terminationLog, 'existing');
    try {
      files.writeText(fd, message.slice(0, terminationLogCharacters));
    } finally {
      files.close(fd);
    }
  } catch (error) {
    // It has been said on stderr; without Kubernetes there is no such file.
    if (!(error instanceof SystemError)) throw error;
    if (!isErrno(error, errno.ENOENT)) system.say(error.message);
  }
}
