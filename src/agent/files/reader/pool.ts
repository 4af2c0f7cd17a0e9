import { Worker } from 'node:worker_threads';
import { PodhandError } from '../../../wire/errors.ts';
import type { JobMessage, JobResult, WorkerMessage } from './protocol.ts';
import { ReaderJob } from './reader-job.ts';

export interface ReaderPoolOptions {
  /** Jobs of one pod at the same time; further ones wait. */
  readonly perPod: number;
  readonly perNode: number;
  /** Waiting jobs of one pod; one more is TOO_MANY_CALLS. 16 if absent. */
  readonly queuedPerPod?: number;
  /** Threads that are kept ready; 1 if absent. */
  readonly idle?: number;
  /** A job ends with DEADLINE_EXCEEDED if its other side takes no chunk for so long; 60,000 if absent. */
  readonly stallMs?: number;
  /** A thread that was told to abort and does nothing for so long is given up; 5,000 if absent. */
  readonly abortMs?: number;
  /** A thread was given up: it is stuck in the kernel, on a file that does not answer. */
  onLost?(lost: number): void;
}

export type JobHandlers = { [T in WorkerMessage['type']]?: (message: Extract<WorkerMessage, { type: T }>) => void };

interface Waiting {
  readonly podUid: string;
  /** True: the place is taken for it. */
  end(entered: boolean): void;
}

/**
 * The threads that touch files: so many per pod and node and no more, whatever hangs. Threads that are given up keep
 * their place: a node whose every thread is stuck answers TOO_MANY_CALLS, not ever more threads.
 */
export class ReaderPool {
  readonly #options: Required<Omit<ReaderPoolOptions, 'onLost'>> & Pick<ReaderPoolOptions, 'onLost'>;
  readonly #idle: Worker[] = [];
  readonly #running = new Map<string, number>();
  readonly #jobs = new Set<ReaderJob>();
  #waiting: Waiting[] = [];
  #busy = 0;
  #lost = 0;
  #closed = false;

  constructor(options: ReaderPoolOptions) {
    this.#options = { queuedPerPod: 16, idle: 1, stallMs: 60_000, abortMs: 5_000, ...options };
    while (this.#idle.length < this.#options.idle) this.#idle.push(this.#spawn());
  }

  get stats(): { readonly running: number; readonly waiting: number; readonly lost: number } {
    return { running: this.#busy, waiting: this.#waiting.length, lost: this.#lost };
  }

  /**
   * Runs a job on a thread of its own as soon as the pod's turn comes. Resolves once it has begun, to its handle.
   * Errors: TOO_MANY_CALLS, AGENT_STOPPING; the signal's reason.
   */
  async start(podUid: string, message: JobMessage, handlers: JobHandlers, signal: AbortSignal): Promise<ReaderJob> {
    await this.#turn(podUid, signal);
    const worker = this.#idle.pop() ?? this.#spawn();
    const { abortMs } = this.#options;
    const job = new ReaderJob({ worker, message, handlers, signal, abortMs });
    this.#jobs.add(job);
    void job.settled.then((outcome) => {
      this.#jobs.delete(job);
      this.#leave(podUid, worker, outcome);
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
    for (const waiting of this.#waiting) this.#remove(waiting, false);
    for (const job of this.#jobs) job.abort(stopping());
    await Promise.all([...this.#jobs].map((job) => job.settled));
    await Promise.all(this.#idle.splice(0).map((worker) => worker.terminate()));
  }

  #spawn(): Worker {
    const { stallMs } = this.#options;
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { stallMs },
      trackUnmanagedFds: false,
    });
    // What waits for the agent to end is the agent's own matter, not its idle threads'.
    worker.unref();
    worker.on('error', () => this.#forget(worker));
    worker.on('exit', () => this.#forget(worker));
    return worker;
  }

  #forget(worker: Worker): void {
    const at = this.#idle.indexOf(worker);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  #mayRun(podUid: string): boolean {
    const { perPod, perNode } = this.#options;
    return this.#busy + this.#lost < perNode && (this.#running.get(podUid) ?? 0) < perPod;
  }

  /** Resolves when the place of one job is taken for this pod. */
  async #turn(podUid: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#closed) throw stopping();
    if (this.#mayRun(podUid)) return this.#enter(podUid);
    const { queuedPerPod, perNode } = this.#options;
    if (this.#lost >= perNode || this.#waiting.filter((other) => other.podUid === podUid).length >= queuedPerPod) {
      throw new PodhandError('TOO_MANY_CALLS', 'too many files are being read for this pod; call again later', {
        details: { retryAfterMs: '1000' },
      });
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiting: Waiting = { podUid, end: resolve };
    this.#waiting.push(waiting);
    const leave = () => this.#remove(waiting, false);
    signal.addEventListener('abort', leave, { once: true });
    const entered = await promise;
    signal.removeEventListener('abort', leave);
    if (entered && !signal.aborted && !this.#closed) return;
    // Its turn came in the moment in which the call ended.
    if (entered) this.#exit(podUid);
    signal.throwIfAborted();
    throw stopping();
  }

  #remove(waiting: Waiting, entered: boolean): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    waiting.end(entered);
  }

  #enter(podUid: string): void {
    this.#busy++;
    this.#running.set(podUid, (this.#running.get(podUid) ?? 0) + 1);
  }

  #exit(podUid: string): void {
    this.#busy--;
    const left = (this.#running.get(podUid) ?? 1) - 1;
    if (left > 0) this.#running.set(podUid, left);
    else this.#running.delete(podUid);
    this.#startNext();
  }

  #startNext(): void {
    const next = this.#waiting.find(({ podUid }) => this.#mayRun(podUid));
    if (next === undefined) return;
    this.#enter(next.podUid);
    this.#remove(next, true);
  }

  #leave(podUid: string, worker: Worker, outcome: 'reusable' | 'ended' | 'lost'): void {
    if (outcome === 'lost') {
      this.#lost++;
      this.#options.onLost?.(this.#lost);
      worker.once('exit', () => {
        this.#lost--;
        this.#startNext();
      });
    }
    if (outcome === 'reusable' && !this.#closed && this.#idle.length <= this.#options.idle) this.#idle.push(worker);
    else void worker.terminate();
    this.#exit(podUid);
  }
}

function stopping(): PodhandError {
  return new PodhandError('AGENT_STOPPING', 'the agent is stopping; call again');
}
