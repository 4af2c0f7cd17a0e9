import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { workerEnvironment } from '../../worker-environment.ts';
import { openDescriptors } from '../resolve.ts';
import type { WorkerData } from './protocol.ts';

interface Options {
  /** So many stay for ever. */
  readonly idle: number;
  /** The others stay for so long: pods ask in bursts, and a thread costs more to start than to keep for a while. */
  readonly surplusMs: number;
  readonly stallMs: number;
}

/** The reader threads that have nothing to do. */
export class ReaderThreads {
  readonly #options: Options;
  /** One for all: a thread that is ended, or stuck, closes nothing. */
  readonly #descriptors = openDescriptors();
  /** Of each thread, once it has loaded its code. */
  readonly #loaded = new WeakMap<Worker, Promise<void>>();
  /** Each with the timer that ends it. The one that was used last is used next. */
  readonly #idle: { readonly worker: Worker; readonly retire: NodeJS.Timeout }[] = [];
  #closed = false;

  constructor(options: Options) {
    this.#options = options;
    for (let count = 0; count < options.idle; count++) this.keep(this.#spawn());
  }

  take(): Worker {
    const kept = this.#idle.pop();
    if (kept === undefined) return this.#spawn();
    clearTimeout(kept.retire);
    return kept.worker;
  }

  /** To be used again. */
  keep(worker: Worker): void {
    if (this.#closed) {
      void this.end(worker);
      return;
    }
    const retire = setTimeout(() => {
      if (this.#idle.length > this.#options.idle && this.#forget(worker)) void this.end(worker);
    }, this.#options.surplusMs);
    retire.unref();
    this.#idle.push({ worker, retire });
  }

  /**
   * Ends a thread; one that is stuck in the kernel ends once that lets go of it. Never before it has loaded its code: a
   * native module that is interrupted while it loads ends the whole process.
   */
  async end(worker: Worker): Promise<void> {
    worker.ref();
    await this.#loaded.get(worker);
    await worker.terminate();
  }

  /** Ends the idle ones; `lost` threads of this pool may still be at work. */
  async close(lost: number): Promise<void> {
    this.#closed = true;
    await Promise.all(
      this.#idle.splice(0).map(({ worker, retire }) => {
        clearTimeout(retire);
        return this.end(worker);
      }),
    );
    if (lost === 0) closeSync(this.#descriptors);
  }

  #spawn(): Worker {
    const data: WorkerData = { stallMs: this.#options.stallMs, descriptors: this.#descriptors };
    // Descriptors are opened by system calls and closed by node:fs, which would take each for somebody else's.
    const options = { workerData: data, trackUnmanagedFds: false, env: workerEnvironment() };
    const worker = new Worker(new URL('./worker.ts', import.meta.url), options);
    // Threads that wait for work keep no process alive; jobs do, by what they serve.
    worker.unref();
    const loaded = new Promise<void>((resolve) => {
      worker.once('message', () => resolve());
      worker.once('exit', () => resolve());
    });
    this.#loaded.set(worker, loaded);
    worker.on('error', () => this.#forget(worker));
    worker.on('exit', () => this.#forget(worker));
    return worker;
  }

  #forget(worker: Worker): boolean {
    const at = this.#idle.findIndex((kept) => kept.worker === worker);
    if (at < 0) return false;
    for (const { retire } of this.#idle.splice(at, 1)) clearTimeout(retire);
    return true;
  }
}
