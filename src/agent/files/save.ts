import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { JobControl } from './reader/control.ts';
import { chunkBytes, chunksInFlight, type InputMessage, type JobResult, type WritePlace } from './reader/protocol.ts';
import type { CopyDestination, CopyResult, TreeLimits } from './source.ts';
import { type SaveOptions, withWritePlace } from './write-place.ts';

/**
 * Writes a stream to one file at the destination, whole or not at all; answers its size in bytes. The stream is finished
 * (`return()`) in any case. Errors: FILE_NOT_FOUND, DESTINATION_NOT_A_VOLUME, DESTINATION_EXISTS, PERMISSION_DENIED,
 * NO_SPACE, TOO_MANY_CALLS; those of the stream and of the signal.
 */
export async function writeStream(
  options: SaveOptions,
  destination: CopyDestination,
  chunks: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<number> {
  const { size } = await save(options, destination, chunks, signal, (to) => ({ kind: 'write', to }));
  return size;
}

/**
 * Recreates the file or tree of a tar stream at the destination, whole or not at all; its top entry takes the
 * destination's name. Errors: as `writeStream`, and TREE_TOO_LARGE, FILE_TOO_LARGE, TOO_MANY_ENTRIES, TREE_TOO_DEEP,
 * NOT_A_FILE_OR_DIRECTORY.
 */
export async function extractTo(
  options: SaveOptions,
  destination: CopyDestination,
  tar: AsyncIterable<Buffer>,
  limits: TreeLimits,
  signal: AbortSignal,
): Promise<CopyResult> {
  const { summary, size } = await save(options, destination, tar, signal, (to) => ({ kind: 'extract', to, limits }));
  return { ...summary, size };
}

type InputJob = (
  to: WritePlace,
) => { kind: 'write'; to: WritePlace } | { kind: 'extract'; to: WritePlace; limits: TreeLimits };

async function save(
  options: SaveOptions,
  destination: CopyDestination,
  chunks: AsyncIterable<Buffer>,
  signal: AbortSignal,
  jobOf: InputJob,
): Promise<JobResult> {
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    return await withWritePlace(options, destination, async (to) => {
      const control = new JobControl();
      const { port1: feeding, port2: input } = new MessageChannel();
      const feed = new Feed(feeding, control);
      const failed = new AbortController();
      try {
        const job = await options.pool.start(
          options.podUid,
          { job: jobOf(to), control: control.memory, input },
          { progress: destination.progress, consumed: () => feed.consumed() },
          AbortSignal.any([signal, failed.signal]),
        );
        void job.settled.then(() => feed.end());
        // A stream that fails ends the job with its own error.
        feed.pour(iterator).catch((error: unknown) => failed.abort(error));
        return await job.result;
      } finally {
        feeding.close();
      }
    });
  } finally {
    // Not awaited: a stream that hangs was given the same signal.
    void iterator.return?.()?.catch(() => undefined);
  }
}

/** Carries a stream into a job, no faster than it is taken. */
class Feed {
  readonly #port: MessagePort;
  readonly #control: JobControl;
  #inFlight = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(port: MessagePort, control: JobControl) {
    this.#port = port;
    this.#control = control;
  }

  async pour(iterator: AsyncIterator<Buffer>): Promise<void> {
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      for (let at = 0; at < next.value.length; at += chunkBytes)
        await this.#send(next.value.subarray(at, at + chunkBytes));
    }
    await this.#room();
    this.#post(undefined);
  }

  consumed(): void {
    this.#inFlight--;
    this.#wake?.();
  }

  /** Nobody takes anything any more. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async #send(bytes: Buffer): Promise<void> {
    await this.#room();
    // A copy of its own: chunks are often parts of larger memory that others use.
    const own = new ArrayBuffer(bytes.length);
    new Uint8Array(own).set(bytes);
    this.#post(own);
  }

  #post(message: InputMessage): void {
    if (this.#ended) return;
    this.#inFlight++;
    this.#port.postMessage(message, message === undefined ? [] : [message]);
    this.#control.announceInput();
  }

  async #room(): Promise<void> {
    while (this.#inFlight >= chunksInFlight && !this.#ended) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }
}
