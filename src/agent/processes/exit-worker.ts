import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { epollWait } from '../linux/epoll.ts';
import { parseZombieStatus } from '../linux/proc-status.ts';
import { type Ended, STOP, statOf } from './exit-token.ts';

/**
 * The thread of ExitWatch: blocks in the kernel, costs nothing while nothing ends, and passes on the tokens of what
 * ended. How it ended is asked here: the parent, which is told at the same time, reaps it within a millisecond.
 */
const epollFd: number = workerData;
/** A line of /proc/PID/stat is some 300 bytes. */
const memory = Buffer.alloc(4096);

for (let stopping = false; !stopping; ) {
  const ended: Ended[] = [];
  for (const { token } of epollWait(epollFd, 256, -1)) {
    if (token === STOP) stopping = true;
    else ended.push({ token, waitStatus: waitStatus(statOf(token)) });
  }
  parentPort?.postMessage(ended);
}

function waitStatus(fd: number | undefined): number | undefined {
  if (fd === undefined) return undefined;
  try {
    return parseZombieStatus(memory.toString('latin1', 0, readSync(fd, memory, 0, memory.length, 0)));
  } catch {
    // Reaped; or closed, since nobody wants to know any more. Where the number is another file's by then, what comes of
    // it has a token that is not known any more.
    return undefined;
  }
}
