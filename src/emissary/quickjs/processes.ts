import * as native from 'quickjs:native';
import * as os from 'quickjs:os';
import { errno, SystemError } from '../errno.ts';
import type { Processes } from '../system.ts';
import { checked } from './checked.ts';

/** `struct signalfd_siginfo`; the number of the signal comes first. */
const recordBytes = 128;

export const processes: Processes = {
  onSignal(receive) {
    const fd = checked(native.signals(), 'signalfd', 'of all signals');
    const buffer = new ArrayBuffer(recordBytes);
    const view = new DataView(buffer);
    os.setReadHandler(fd, () => {
      while (os.read(fd, buffer, 0, recordBytes) === recordBytes) receive(view.getUint32(0, true));
    });
  },
  spawn: ({ paths, firstArgument, moreArguments, stdout, stderr }) =>
    checked(native.spawn(paths, firstArgument, moreArguments, stdout, stderr), 'start', paths.at(-1) ?? ''),
  reap() {
    const [pid, status] = os.waitpid(-1, os.WNOHANG);
    return pid > 0 ? { pid, status } : undefined;
  },
  kill(pid, signal) {
    const result = os.kill(pid, signal);
    if (result === -errno.ESRCH) return false;
    checked(result, 'kill', `${pid}`);
    return true;
  },
  pipe() {
    const ends = os.pipe();
    if (ends === null) throw new SystemError('pipe', 'for the output', errno.ENOMEM, 'no descriptors left');
    return { readEnd: ends[0], writeEnd: ends[1] };
  },
  isTerminal: (fd) => os.isatty(fd),
  isPipe(fd) {
    const [stat] = os.stat(`/proc/self/fd/${fd}`);
    const type = (stat?.mode ?? 0o010000) & 0o170000;
    // FIFO and socket; a terminal that is stopped (Ctrl-S) holds a writer too.
    return type === 0o010000 || type === 0o140000 || os.isatty(fd);
  },
  nonblocking: (fd) => void checked(native.nonblocking(fd), 'fcntl', `descriptor ${fd}`),
  watch: (fd, directory) => checked(native.watch(fd, directory), 'watch', directory),
};
