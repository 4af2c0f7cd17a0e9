import { parentPort, workerData } from 'node:worker_threads';
import { epollWait } from '../linux/epoll.ts';

/**
 * The thread of ExitWatch: blocks in the kernel, costs nothing while nothing ends, and passes on the tokens of what
 * ended. Token 0 ends it.
 */
const epollFd: number = workerData;

for (let stopping = false; !stopping; ) {
  const tokens = epollWait(epollFd, 256, -1).map((event) => event.token);
  stopping = tokens.includes(0);
  parentPort?.postMessage(tokens.filter((token) => token !== 0));
}
