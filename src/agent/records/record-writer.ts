import { Worker } from 'node:worker_threads';
import { workerEnvironment } from '../worker-environment.ts';

/** A file that is to be there as a whole, and durable, or not at all. */
export interface RecordText {
  readonly path: string;
  /** The name in the same directory that it has until it is durable. */
  readonly temporary: string;
  /** Undefined: it has that name already. */
  readonly text: string | undefined;
}

/** What is after the temporary name while not even that is taken. */
export const unfinishedEnding = '.part';

export interface WriteJob extends RecordText {
  readonly id: number;
}

export interface WriteOutcome {
  readonly id: number;
  readonly stage: 'written' | 'durable';
  readonly failure: { readonly message: string; readonly code: string | undefined } | undefined;
}

/** A file that is whole under its temporary name: it outlives this process, and not yet a crash of the machine. */
export interface Written {
  /** Settles once it has its own name and is on the disk; nobody has to await it. */
  readonly durable: Promise<void>;
}

interface Pending {
  readonly written: PromiseWithResolvers<Written>;
  readonly durable: PromiseWithResolvers<void>;
}

/** Writes files in a thread of its own, in the order in which they are given. */
export class RecordWriter {
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined = this.#start();
  #last = 0;

  /** Rejects, as `durable` does, with an error that has the errno's name as its `code`. */
  async write(file: RecordText): Promise<Written> {
    const job: WriteJob = { id: ++this.#last, ...file };
    const pending: Pending = { written: Promise.withResolvers(), durable: Promise.withResolvers() };
    pending.durable.promise.catch(() => undefined);
    this.#pending.set(job.id, pending);
    this.#worker ??= this.#start();
    this.#worker.ref();
    this.#worker.postMessage(job);
    return await pending.written.promise;
  }

  /** Ends the thread, once all is durable that can be. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#pending.values()].map(({ durable }) => durable.promise));
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./record-worker.ts', import.meta.url), { env: workerEnvironment() });
    worker.unref();
    worker.on('message', (outcome: WriteOutcome) => {
      this.#settle(outcome);
      if (this.#pending.size === 0) worker.unref();
    });
    // Its exit comes next.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      this.#worker = undefined;
      const failure = { message: 'the thread that writes final records has ended', code: 'ECANCELED' };
      for (const id of [...this.#pending.keys()]) this.#settle({ id, stage: 'written', failure });
    });
    return worker;
  }

  #settle({ id, stage, failure }: WriteOutcome): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    const { written, durable } = pending;
    if (failure !== undefined) {
      const error = Object.assign(new Error(failure.message), { code: failure.code });
      written.reject(error);
      durable.reject(error);
    } else if (stage === 'written') written.resolve({ durable: durable.promise });
    else durable.resolve();
    if (failure !== undefined || stage === 'durable') this.#pending.delete(id);
  }
}
