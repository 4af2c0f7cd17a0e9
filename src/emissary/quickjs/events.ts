import * as os from 'quickjs:os';
import type { Events } from '../system.ts';

/**
 * QuickJS serves one ready descriptor a turn, in the order in which they were registered: who handles one registers it
 * again and goes to the end of the queue.
 */
export const events: Events = {
  onReadable: (fd, ready) => os.setReadHandler(fd, ready ?? null),
  onWritable: (fd, ready) => os.setWriteHandler(fd, ready ?? null),
  after(ms, elapsed) {
    const timer = os.setTimeout(elapsed, ms);
    return () => os.clearTimeout(timer);
  },
  now: () => Date.now(),
};
