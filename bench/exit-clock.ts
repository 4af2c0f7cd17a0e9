import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** When a process ends, as its pidfd tells a thread that does nothing else. On the clock of `process.hrtime`. */
export class ExitClock {
  readonly #worker = new Worker(new URL('./exit-worker.ts', import.meta.url), { trackUnmanagedFds: false });

  /** Resolves once it is watched; one process at a time. `exited` resolves with the time in nanoseconds. */
  async watch(pid: number): Promise<{ readonly exited: Promise<bigint> }> {
    this.#worker.postMessage(pid);
    await once(this.#worker, 'message');
    return { exited: once(this.#worker, 'message').then(([at]) => at as bigint) };
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
