import { closeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { EPOLLIN } from '../src/agent/linux/constants.ts';
import { epollAdd, epollCreate, epollWait } from '../src/agent/linux/epoll.ts';
import { pidfdOpen } from '../src/agent/linux/pidfd-calls.ts';

// The thread of ExitClock: takes a pid, says that it watches, blocks in the kernel, and says when the process ended.
parentPort?.on('message', (pid: number) => {
  const pidfd = pidfdOpen(pid);
  const epollFd = epollCreate();
  epollAdd(epollFd, pidfd, EPOLLIN, 1);
  parentPort?.postMessage('watching');
  epollWait(epollFd, 1, -1);
  parentPort?.postMessage(process.hrtime.bigint());
  closeSync(epollFd);
  closeSync(pidfd);
});
