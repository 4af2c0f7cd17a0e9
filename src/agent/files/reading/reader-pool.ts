import { Worker } from 'node:worker_threads';
import { PodhandError } from '../../../wire/errors.ts';
import type { FileBody, FileFacts, TreeSummary } from '../source.ts';
import { credits, type ReadAnswer, type ReadRequest, startCredits, stopped } from './protocol.ts';

/** A reader that does not answer within this time after it was told to stop hangs in the kernel, and is given up. */
const giveUpAfterMs = 5000;
const maxIdle = 2;

type Question = Omit<ReadRequest, 'control'>;

interface Limits {
  readonly perPod: number;
  readonly perNode: number;
}

/**
 * Threads that read files. All file-system work on a container's tree happens in them, so that a disk or file system
 * that hangs can stop one reading, and never the agent. Bounded per pod and per node, readings that hang included.
 */
export class ReaderPool {
  readonly #limits: Limits;
  readonly #idle: Worker[] = [];
  readonly #perPod = new Map<string, number>();
  #busy = 0;
  #closed = false;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * Starts one reading. Resolves once the file is open; `release` is called when the reader is done with the root.
   * Errors: those of FileSource, and TOO_MANY_CALLS.
   */
  async read(question: Question, podUid: string, release: () => void, signal: AbortSignal): Promise<FileBody> {
    const leave = this.#enter(podUid, release);
    const worker = this.#idle.pop() ?? new Worker(new URL('./reader-worker.ts', import.meta.url));
    worker.ref();
    const reading = new Reading(worker, signal, (healthy) => {
      if (healthy && !this.#closed && this.#idle.length < maxIdle) {
        worker.unref();
        this.#idle.push(worker);
      } else void worker.terminate();
      leave();
    });
    return await reading.start(question);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#idle.splice(0).map((worker) => worker.terminate()));
  }

  #enter(podUid: string, release: () => void): () => void {
    const ofPod = this.#perPod.get(podUid) ?? 0;
    if (this.#closed || ofPod >= this.#limits.perPod || this.#busy >= this.#limits.perNode) {
      release();
      throw new PodhandError('TOO_MANY_CALLS', 'too many files are being read for this pod or node', {
        details: { retryAfterMs: '500' },
      });
    }
    this.#perPod.set(podUid, ofPod + 1);
    this.#busy += 1;
    return () => {
      const left = (this.#perPod.get(podUid) ?? 1) - 1;
      if (left > 0) this.#perPod.set(podUid, left);
      else this.#perPod.delete(podUid);
      this.#busy -= 1;
      release();
    };
  }
}

/** One reading on one worker: its answers as an iterable, its chunks acknowledged as they are taken. */
class Reading {
  readonly #worker: Worker;
  readonly #signal: AbortSignal;
  readonly #done: (healthy: boolean) => void;
  readonly #control = new SharedArrayBuffer(8);
  readonly #words = new Int32Array(this.#control);
  readonly #answers: ReadAnswer[] = [];
  #wake: (() => void) | undefined;
  #finished = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(worker: Worker, signal: AbortSignal, done: (healthy: boolean) => void) {
    this.#worker = worker;
    this.#signal = signal;
    this.#done = done;
  }

  async start(question: Question): Promise<FileBody> {
    Atomics.store(this.#words, credits, startCredits);
    this.#worker.on('message', this.#onAnswer);
    this.#worker.once('error', this.#onCrash);
    this.#signal.addEventListener('abort', this.#stop, { once: true });
    if (this.#signal.aborted) this.#stop();
    this.#worker.postMessage({ ...question, control: this.#control } satisfies ReadRequest);
    const first = await this.#next();
    if (first.type !== 'facts') throw this.#errorOf(first);
    let summary: TreeSummary | undefined;
    const answer = (end: TreeSummary) => {
      summary = end;
    };
    return {
      facts: first.facts satisfies FileFacts,
      chunks: this.#chunks(answer),
      summary: () => {
        if (summary === undefined) throw new Error('the body has not ended yet');
        return summary;
      },
    };
  }

  async *#chunks(end: (summary: TreeSummary) => void): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        const answer = await this.#next();
        if (answer.type === 'end') {
          end(answer.summary);
          return;
        }
        if (answer.type !== 'chunk') throw this.#errorOf(answer);
        Atomics.add(this.#words, credits, 1);
        Atomics.notify(this.#words, credits);
        yield Buffer.from(answer.chunk.buffer, answer.chunk.byteOffset, answer.chunk.length);
      }
    } finally {
      this.#stop();
    }
  }

  async #next(): Promise<ReadAnswer> {
    for (;;) {
      const answer = this.#answers.shift();
      if (answer !== undefined) return answer;
      this.#signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  readonly #onAnswer = (answer: ReadAnswer): void => {
    this.#answers.push(answer);
    if (answer.type !== 'chunk' && answer.type !== 'facts') this.#finish(true);
    this.#wake?.();
  };

  readonly #onCrash = (error: unknown): void => {
    this.#answers.push({ type: 'fault', error });
    this.#finish(false);
    this.#wake?.();
  };

  readonly #stop = (): void => {
    if (this.#finished) return;
    Atomics.store(this.#words, stopped, 1);
    // A value that is never waited for, so that the waiting thread looks again.
    Atomics.add(this.#words, credits, 1);
    Atomics.notify(this.#words, credits);
    this.#timer ??= setTimeout(() => this.#finish(false), giveUpAfterMs);
    this.#timer.unref();
    this.#wake?.();
  };

  #finish(healthy: boolean): void {
    if (this.#finished) return;
    this.#finished = true;
    clearTimeout(this.#timer);
    this.#worker.off('message', this.#onAnswer);
    this.#worker.off('error', this.#onCrash);
    this.#signal.removeEventListener('abort', this.#stop);
    this.#done(healthy);
  }

  #errorOf(answer: ReadAnswer): unknown {
    if (answer.type === 'error')
      return new PodhandError(answer.reason, answer.message, { details: { ...answer.details } });
    return answer.type === 'fault' ? answer.error : new Error(`a reader answered ${answer.type} out of turn`);
  }
}
