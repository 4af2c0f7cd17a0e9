import type { Worker } from 'node:worker_threads';
import { PodhandError } from '../../../wire/errors.ts';
import type { Receiver } from '../receiver.ts';
import type { Job, JobMessage, JobResult, WorkerMessage } from './protocol.ts';
import { ReaderJob } from './reader-job.ts';
import { ReaderThreads } from './threads.ts';
import { stopping, Turns } from './turns.ts';

export interface ReaderPoolOptions {
  /** Jobs of one pod at the same time; further ones wait. Those that take bytes in are counted apart from the others. */
  readonly perPod: number;
  readonly perNode: number;
  /** Waiting jobs of one pod; one more is TOO_MANY_CALLS. 16 if absent. */
  readonly queuedPerPod?: number;
  /** Threads that are always kept ready; 1 if absent. */
  readonly idle?: number;
  /** Further ones that have nothing to do are ended after so long; 10,000 if absent. */
  readonly surplusMs?: number;
  /**
   * A job ends with DEADLINE_EXCEEDED if its other side takes or gives no chunk for so long, and with TRANSFER_TOO_SLOW if
   * its receiver lags behind by so much and another job waits for a place of the node. 60,000 if absent.
   */
  readonly stallMs?: number;
  /** A thread that was told to abort and does nothing for so long is given up; 5,000 if absent. */
  readonly abortMs?: number;
  /** A thread was given up: it is stuck in the kernel, on a file that does not answer. */
  onLost?(lost: number): void;
}

/** How often is looked whether a slow job keeps others waiting. */
const everyMs = 1_000;

export type JobHandlers = { [T in WorkerMessage['type']]?: (message: Extract<WorkerMessage, { type: T }>) => void };

/**
 * The threads that touch files: so many per pod and node and no more, whatever hangs. Threads that are given up keep
 * their place, the pod's and the node's, until they end: a pod whose every thread is stuck is answered TOO_MANY_CALLS,
 * and cannot take its neighbours' threads as well. Nor can those who take what is read for them slowly: what waits for them
 * gives way to what waits for a thread. A job without a receiver outside of the agent never does.
 */
export class ReaderPool {
  readonly #options: Required<Omit<ReaderPoolOptions, 'onLost'>> & Pick<ReaderPoolOptions, 'onLost'>;
  readonly #threads: ReaderThreads;
  readonly #jobs = new Set<ReaderJob>();
  /** Of those jobs that give way to others if they are slow. */
  readonly #receivers = new Map<ReaderJob, Receiver>();
  readonly #reads: Turns;
  /** Of jobs that take bytes in, which come from a job of the other kind: in one queue the two would wait for each other. */
  readonly #writes: Turns;
  readonly #looking: NodeJS.Timeout;
  #lost = 0;
  #givingWay = false;

  constructor(options: ReaderPoolOptions) {
    this.#options = {
      queuedPerPod: 16,
      idle: 1,
      surplusMs: 10_000,
      stallMs: 60_000,
      abortMs: 5_000,
      ...options,
    };
    this.#reads = new Turns(this.#options);
    this.#writes = new Turns(this.#options);
    this.#threads = new ReaderThreads(this.#options);
    this.#looking = setInterval(() => this.#makeWay(), Math.min(everyMs, this.#options.stallMs)).unref();
  }

  get stats(): { readonly running: number; readonly waiting: number; readonly lost: number } {
    const [reads, writes] = [this.#reads, this.#writes];
    return { running: reads.running + writes.running, waiting: reads.waiting + writes.waiting, lost: this.#lost };
  }

  /**
   * Runs a job on a thread of its own as soon as the pod's turn comes. Resolves once it has begun, to its handle.
   * Errors: TOO_MANY_CALLS, AGENT_STOPPING; the signal's reason.
   */
  async start(
    podUid: string,
    message: JobMessage,
    handlers: JobHandlers,
    signal: AbortSignal,
    receiver?: Receiver,
  ): Promise<ReaderJob> {
    const turns = this.#turnsOf(message.job);
    await turns.enter(podUid, signal);
    const worker = this.#threads.take();
    const { abortMs } = this.#options;
    const job = new ReaderJob({ worker, message, handlers, signal, abortMs });
    this.#jobs.add(job);
    if (receiver !== undefined && receiver.leastRate > 0) this.#receivers.set(job, receiver);
    void job.settled.then((outcome) => {
      this.#jobs.delete(job);
      this.#receivers.delete(job);
      if (outcome === 'lost') return this.#giveUp(turns, podUid, worker);
      if (outcome === 'reusable') this.#threads.keep(worker);
      else void this.#threads.end(worker);
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
    clearInterval(this.#looking);
    this.#reads.close();
    this.#writes.close();
    for (const job of this.#jobs) job.abort(stopping());
    await Promise.all([...this.#jobs].map((job) => job.settled));
    await this.#threads.close(this.#lost);
  }

  /** Ends the slowest job, if others wait because of it. One at a time: its place may be all that they wait for. */
  #makeWay(): void {
    if (this.#givingWay || !this.#reads.crowded) return;
    const running = [...this.#receivers].filter(([job]) => !job.ending);
    const slow = running.filter(([, { lagMs }]) => lagMs >= this.#options.stallMs);
    const [slowest] = slow.sort(([, a], [, b]) => b.lagMs - a.lagMs);
    if (slowest === undefined) return;
    const [job, { leastRate }] = slowest;
    this.#givingWay = true;
    void job.settled.then(() => {
      this.#givingWay = false;
    });
    job.abort(tooSlow(leastRate));
  }

  #turnsOf({ kind }: Job): Turns {
    return kind === 'write' || kind === 'extract' ? this.#writes : this.#reads;
  }

  #giveUp(turns: Turns, podUid: string, worker: Worker): void {
    turns.lose(podUid);
    this.#options.onLost?.(++this.#lost);
    worker.once('exit', () => {
      this.#lost--;
      turns.recover(podUid);
    });
    void this.#threads.end(worker);
  }
}

function tooSlow(leastRate: number): PodhandError {
  const message = `the transfer was taken more slowly than ${leastRate} bytes a second while others waited for a file reader; take it faster, or call again later`;
  return new PodhandError('TRANSFER_TOO_SLOW', message);
}
