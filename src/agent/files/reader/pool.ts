import { Worker } from 'node:worker_threads';
import { workerEnvironment } from '../../worker-environment.ts';
import type { Job, JobMessage, JobResult, WorkerMessage } from './protocol.ts';
import { ReaderJob } from './reader-job.ts';
import { stopping, Turns } from './turns.ts';

export interface ReaderPoolOptions {
  /** Jobs of one pod at the same time; further ones wait. Those that take bytes in are counted apart from the others. */
  readonly perPod: number;
  readonly perNode: number;
  /** Waiting jobs of one pod; one more is TOO_MANY_CALLS. 16 if absent. */
  readonly queuedPerPod?: number;
  /** Threads that are kept ready; 1 if absent. */
  readonly idle?: number;
  /** A job ends with DEADLINE_EXCEEDED if its other side takes or gives no chunk for so long; 60,000 if absent. */
  readonly stallMs?: number;
  /** A thread that was told to abort and does nothing for so long is given up; 5,000 if absent. */
  readonly abortMs?: number;
  /** A thread was given up: it is stuck in the kernel, on a file that does not answer. */
  onLost?(lost: number): void;
}

export type JobHandlers = { [T in WorkerMessage['type']]?: (message: Extract<WorkerMessage, { type: T }>) => void };

/**
 * The threads that touch files: so many per pod and node and no more, whatever hangs. Threads that are given up keep
 * their place, the pod's and the node's, until they end: a pod whose every thread is stuck is answered TOO_MANY_CALLS,
 * and cannot take its neighbours' threads as well.
 */
export class ReaderPool {
  readonly #options: Required<Omit<ReaderPoolOptions, 'onLost'>> & Pick<ReaderPoolOptions, 'onLost'>;
  readonly #idle: Worker[] = [];
  readonly #jobs = new Set<ReaderJob>();
  readonly #reads: Turns;
  /** Of jobs that take bytes in, which come from a job of the other kind: in one queue the two would wait for each other. */
  readonly #writes: Turns;
  #lost = 0;
  #closed = false;

  constructor(options: ReaderPoolOptions) {
    this.#options = { queuedPerPod: 16, idle: 1, stallMs: 60_000, abortMs: 5_000, ...options };
    this.#reads = new Turns(this.#options);
    this.#writes = new Turns(this.#options);
    while (this.#idle.length < this.#options.idle) this.#idle.push(this.#spawn());
  }

  get stats(): { readonly running: number; readonly waiting: number; readonly lost: number } {
    const [reads, writes] = [this.#reads, this.#writes];
    return { running: reads.running + writes.running, waiting: reads.waiting + writes.waiting, lost: this.#lost };
  }

  /**
   * Runs a job on a thread of its own as soon as the pod's turn comes. Resolves once it has begun, to its handle.
   * Errors: TOO_MANY_CALLS, AGENT_STOPPING; the signal's reason.
   */
  async start(podUid: string, message: JobMessage, handlers: JobHandlers, signal: AbortSignal): Promise<ReaderJob> {
    const turns = this.#turnsOf(message.job);
    await turns.enter(podUid, signal);
    const worker = this.#idle.pop() ?? this.#spawn();
    const { abortMs } = this.#options;
    const job = new ReaderJob({ worker, message, handlers, signal, abortMs });
    this.#jobs.add(job);
    void job.settled.then((outcome) => {
      this.#jobs.delete(job);
      if (outcome === 'lost') return this.#giveUp(turns, podUid, worker);
      this.#keep(worker, outcome === 'reusable');
      turns.exit(podUid);
    });
    return job;
  }

  /** The same, for jobs whose end is all that is awaited. */
  async run(podUid: string, message: JobMessage, handlers: JobHandlers, signal: AbortSignal): Promise<JobResult> {
    const job = await this.start(podUid, message, handlers, signal);
    return job.result;
  }

  /** Aborts what runs, waits until it has cleaned up (or is given up) and ends the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#reads.close();
    this.#writes.close();
    for (const job of this.#jobs) job.abort(stopping());
    await Promise.all([...this.#jobs].map((job) => job.settled));
    await Promise.all(this.#idle.splice(0).map((worker) => worker.terminate()));
  }

  #turnsOf({ kind }: Job): Turns {
    return kind === 'write' || kind === 'extract' ? this.#writes : this.#reads;
  }

  #spawn(): Worker {
    const { stallMs } = this.#options;
    // Descriptors are opened by system calls and closed by node:fs, which would take each for somebody else's.
    const options = { workerData: { stallMs }, trackUnmanagedFds: false, env: workerEnvironment() };
    const worker = new Worker(new URL('./worker.ts', import.meta.url), options);
    // Threads that wait for work keep no process alive; jobs do, by what they serve.
    worker.unref();
    worker.on('error', () => this.#forget(worker));
    worker.on('exit', () => this.#forget(worker));
    return worker;
  }

  #forget(worker: Worker): void {
    const at = this.#idle.indexOf(worker);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  #keep(worker: Worker, reusable: boolean): void {
    if (reusable && !this.#closed && this.#idle.length <= this.#options.idle) this.#idle.push(worker);
    else void worker.terminate();
  }

  #giveUp(turns: Turns, podUid: string, worker: Worker): void {
    turns.lose(podUid);
    this.#options.onLost?.(++this.#lost);
    worker.once('exit', () => {
      this.#lost--;
      turns.recover(podUid);
    });
    // Ends once the kernel lets go of it.
    void worker.terminate();
  }
}
