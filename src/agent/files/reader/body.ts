import type { Receiver } from '../receiver.ts';
import type { FileBody, FileFacts, TreeSummary } from '../source.ts';
import { JobControl } from './control.ts';
import type { ReaderPool } from './pool.ts';
import { chunksInFlight, type Job } from './protocol.ts';

/**
 * Begins a job that reads and resolves once the file is open, with its body. The body ends the job when it is
 * `return()`ed; a body that nobody reads ends by itself with DEADLINE_EXCEEDED. Errors: those of FileSource.
 */
export async function readBody(
  pool: ReaderPool,
  podUid: string,
  job: Job,
  options: { readonly signal: AbortSignal; readonly receiver: Receiver | undefined; readonly ended: () => void },
): Promise<FileBody> {
  const { signal, receiver, ended } = options;
  const control = new JobControl();
  control.grant(chunksInFlight);
  const stop = new AbortController();
  const opened = Promise.withResolvers<FileFacts>();
  const queue = new ChunkQueue(control);
  const running = await pool
    .start(
      podUid,
      { job, control: control.memory },
      {
        opened: ({ facts }) => opened.resolve(facts),
        chunk: ({ data, length }) => queue.push(Buffer.from(data, 0, length)),
      },
      AbortSignal.any([signal, stop.signal]),
      receiver,
    )
    .catch((error: unknown) => {
      ended();
      throw error;
    });
  let summary: TreeSummary | undefined;
  running.result.then(
    (result) => {
      summary = result.summary;
      queue.end();
    },
    (error: unknown) => {
      queue.end({ error });
      opened.reject(error);
    },
  );
  void running.settled.then(ended);
  queue.onReturn = async () => {
    stop.abort();
    await running.settled;
  };
  const facts = await opened.promise;
  return {
    facts,
    chunks: queue,
    summary: () => {
      if (summary === undefined) throw new Error('the summary is there once the body has ended');
      return summary;
    },
  };
}

/** The chunks of one job, for one reader. Never more than the job has credit for. */
class ChunkQueue implements AsyncIterableIterator<Buffer> {
  onReturn: () => Promise<void> = async () => undefined;
  readonly #control: JobControl;
  readonly #chunks: Buffer[] = [];
  #end: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(control: JobControl) {
    this.#control = control;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#wake?.();
  }

  end(end: { readonly error?: unknown } = {}): void {
    this.#end ??= end;
    // What was read before a failure is nothing that the consumer should wait to learn of it.
    if ('error' in end) this.#chunks.length = 0;
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<Buffer>> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#control.grant(1);
        return { done: false, value: chunk };
      }
      if (this.#end !== undefined) {
        if ('error' in this.#end) throw this.#end.error;
        return { done: true, value: undefined };
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  async return(): Promise<IteratorResult<Buffer>> {
    this.end();
    this.#chunks.length = 0;
    await this.onReturn();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
