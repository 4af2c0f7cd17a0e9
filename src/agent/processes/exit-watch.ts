import { closeSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { EPOLLIN, EPOLLONESHOT } from '../linux/constants.ts';
import { epollAdd, epollCreate, epollDelete, eventfd } from '../linux/epoll.ts';
import { workerEnvironment } from '../worker-environment.ts';
import { type Ended, STOP, tokenOf } from './exit-token.ts';
import { openStat } from './process-facts.ts';

interface Watched {
  readonly pidfd: number;
  /** Of /proc/PID/stat. */
  readonly stat: number | undefined;
  readonly exited: (waitStatus: number | undefined) => void;
}

/**
 * Tells when processes end, through their pidfds: one epoll for all, waited on by a thread of its own. A watch is known
 * by a token that is never used twice, not by its descriptor, so that what is closed and opened again cannot be mistaken.
 */
export class ExitWatch {
  readonly #epollFd = epollCreate();
  readonly #stopFd = eventfd();
  readonly #worker: Worker;
  readonly #watched = new Map<number, Watched>();
  #last = 0;
  #closing = false;

  readonly #wake = (): void => {
    writeSync(this.#stopFd, new BigUint64Array([1n]));
  };

  /** `failed`: the thread ended by itself; no exit is told any more. */
  constructor(failed: (error: Error) => void) {
    epollAdd(this.#epollFd, this.#stopFd, EPOLLIN, STOP);
    this.#worker = new Worker(new URL('./exit-worker.ts', import.meta.url), {
      workerData: this.#epollFd,
      env: workerEnvironment(),
    });
    this.#worker.unref();
    // A process that exits joins its threads, and this one is in the kernel, where only this wakes it.
    process.once('exit', this.#wake);
    this.#worker.on('message', (all: readonly Ended[]) => {
      for (const ended of all) this.#tell(ended);
    });
    this.#worker.on('error', failed);
    this.#worker.on('exit', (code) => {
      if (!this.#closing) failed(new Error(`the thread that waits for processes to end has ended with ${code}`));
    });
  }

  /**
   * Calls `exited` once, when the process has ended (at once if it has already), never before this returns. The answer
   * cancels that; it must be called before `pidfd` is closed, and may be called at any time. `pid`: where the wait status
   * is wanted; it is told where it can be read before the parent reaps the process.
   */
  watch(pidfd: number, exited: (waitStatus: number | undefined) => void, pid?: number): () => void {
    const stat = pid === undefined ? undefined : openStat(pid, pidfd);
    const token = tokenOf(++this.#last, stat);
    this.#watched.set(token, { pidfd, stat, exited });
    try {
      // Once: an ended process stays readable for ever.
      epollAdd(this.#epollFd, pidfd, EPOLLIN | EPOLLONESHOT, token);
    } catch (error) {
      this.#forget(token);
      throw error;
    }
    return () => this.#cancel(token);
  }

  /** Cancels every watch and ends the thread. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    for (const token of [...this.#watched.keys()]) this.#forget(token);
    if (this.#worker.threadId !== -1) {
      this.#worker.ref();
      const ended = new Promise((resolve) => this.#worker.once('exit', resolve));
      this.#wake();
      await ended;
    }
    process.off('exit', this.#wake);
    closeSync(this.#stopFd);
    closeSync(this.#epollFd);
  }

  #cancel(token: number): void {
    const watched = this.#forget(token);
    if (watched) epollDelete(this.#epollFd, watched.pidfd);
  }

  #forget(token: number): Watched | undefined {
    const watched = this.#watched.get(token);
    this.#watched.delete(token);
    if (watched?.stat !== undefined) closeSync(watched.stat);
    return watched;
  }

  #tell({ token, waitStatus }: Ended): void {
    const watched = this.#watched.get(token);
    this.#cancel(token);
    watched?.exited(waitStatus);
  }
}
