import type { Worker } from 'node:worker_threads';
import { PodhandError } from '../../../wire/errors.ts';
import { JobControl } from './control.ts';
import type { JobHandlers } from './pool.ts';
import type { JobError, JobMessage, JobResult, WorkerMessage } from './protocol.ts';

interface Options {
  readonly worker: Worker;
  readonly message: JobMessage;
  readonly handlers: JobHandlers;
  readonly signal: AbortSignal;
  readonly abortMs: number;
}

/** One job on one thread, seen from the agent's side. */
export class ReaderJob {
  /** What it came to; rejects with a PodhandError, or with the reason of the signal that ended it. */
  readonly result: Promise<JobResult>;
  /** How the thread came out of it; resolves in the same turn as `result` does. Never rejects. */
  readonly settled: Promise<'reusable' | 'ended' | 'lost'>;
  readonly control: JobControl;
  readonly #options: Options;
  readonly #outcome = Promise.withResolvers<'reusable' | 'ended' | 'lost'>();
  readonly #answer = Promise.withResolvers<JobResult>();
  #abortReason: { readonly reason: unknown } | undefined;
  #watch: NodeJS.Timeout | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.control = new JobControl(options.message.control);
    this.result = this.#answer.promise;
    this.settled = this.#outcome.promise;
    // Whoever awaits `settled` alone must not crash the agent.
    this.result.catch(() => undefined);
    const { worker, message, signal } = options;
    worker.on('message', this.#receive);
    worker.on('error', this.#crashed);
    worker.on('exit', this.#exited);
    worker.postMessage(message, message.input === undefined ? [] : [message.input]);
    if (signal.aborted) this.#aborted();
    else signal.addEventListener('abort', this.#aborted, { once: true });
  }

  /** It was told to abort. */
  get ending(): boolean {
    return this.#abortReason !== undefined;
  }

  /** Tells the thread to stop and clean up. The first reason counts. */
  abort(reason: unknown): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = { reason };
    this.control.abort();
    let seen = this.control.steps;
    // A thread that still counts is cleaning up; one that stands still is stuck in the kernel.
    this.#watch = setInterval(() => {
      const now = this.control.steps;
      if (now === seen) this.#finish('lost', { error: reason });
      seen = now;
    }, this.#options.abortMs);
  }

  readonly #aborted = (): void => this.abort(this.#options.signal.reason);

  readonly #receive = (message: WorkerMessage): void => {
    if (message.type === 'done') this.#finish('reusable', { result: message.result });
    else if (message.type === 'failed') this.#finish('reusable', { error: this.#failure(message.error) });
    else this.#dispatch(message);
  };

  #dispatch<T extends WorkerMessage['type']>(message: Extract<WorkerMessage, { type: T }>): void {
    const handler = this.#options.handlers[message.type as T] as ((message: WorkerMessage) => void) | undefined;
    handler?.(message);
  }

  #failure({ reason, message, details, stack }: JobError): unknown {
    if (reason === 'CANCELLED' && this.#abortReason !== undefined) return this.#abortReason.reason;
    return new PodhandError(reason, message, { details, cause: new Error(stack) });
  }

  readonly #crashed = (error: unknown): void => {
    const message = 'podhand failed; the agent log has the cause';
    this.#finish('ended', { error: new PodhandError('INTERNAL', message, { cause: error }) });
  };

  readonly #exited = (): void => this.#crashed(new Error('the reader thread ended in the middle of a job'));

  #finish(outcome: 'reusable' | 'ended' | 'lost', { result, error }: { result?: JobResult; error?: unknown }): void {
    const { worker, signal } = this.#options;
    worker.off('message', this.#receive);
    worker.off('error', this.#crashed);
    worker.off('exit', this.#exited);
    signal.removeEventListener('abort', this.#aborted);
    clearInterval(this.#watch);
    if (result !== undefined) this.#answer.resolve(result);
    else this.#answer.reject(error);
    this.#outcome.resolve(outcome);
  }
}
