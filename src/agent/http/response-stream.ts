import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher } from 'undici';

/** Bytes that wait for the reader before the server's connection is paused. */
const highWaterBytes = 256 * 1024;
/** A stream of many small pieces is let pile up a little: less than what the socket holds, so that its writer goes on. */
const linger = { ms: 3, bytes: 32 * 1024 };

/**
 * The body of one HTTP answer, read in batches: everything that has arrived since the last `read`.
 *
 * undici's `dispatch` and not its `body`, nor dockerode: dockerd and kubelet send each line of a log as an HTTP chunk of
 * its own, and a Readable costs a microsecond or two for each of them, more than everything else that we do with a line.
 * One promise per socket read instead, and a pause that stops the socket itself, so that what a slow caller does not
 * take stays with the server.
 */
export class ResponseStream {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly #controller: Dispatcher.DispatchController;
  #waiting: Buffer[] = [];
  #bytes = 0;
  #outcome: { error?: Error } | undefined;
  #wake: (() => void) | undefined;
  #lastRead = 0;

  private constructor(
    controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: Record<string, string | string[] | undefined>,
  ) {
    this.#controller = controller;
    this.statusCode = statusCode;
    this.headers = headers;
  }

  /**
   * Sends the request; resolves with the answer's head, of whatever status. The signal ends the body too, and a request
   * that still waits for its connection.
   */
  static open(
    dispatcher: Dispatcher,
    request: {
      readonly method: 'GET' | 'HEAD' | 'POST';
      readonly path: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: string;
    },
    signal: AbortSignal,
  ): Promise<ResponseStream> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      let stream: ResponseStream | undefined;
      let begun: Dispatcher.DispatchController | undefined;
      // Until a connection has it, a request has no controller.
      const abort = () => {
        reject(signal.reason);
        begun?.abort(asError(signal.reason));
      };
      signal.addEventListener('abort', abort, { once: true });
      const settle = (error?: Error) => {
        signal.removeEventListener('abort', abort);
        if (stream === undefined) reject(error ?? new Error('answer without a head'));
        else stream.#end(signal.aborted ? asError(signal.reason) : error);
      };
      dispatcher.dispatch(
        { ...request, headers: { ...request.headers } },
        {
          onRequestStart(controller) {
            begun = controller;
            if (signal.aborted) abort();
          },
          onResponseStart(controller, statusCode, headers) {
            if (statusCode < 200) return;
            stream = new ResponseStream(controller, statusCode, headers);
            resolve(stream);
          },
          onResponseData(_controller, chunk) {
            stream?.push(chunk);
          },
          onResponseEnd() {
            settle();
          },
          onResponseError(_controller, error) {
            settle(error);
          },
        },
      );
    });
  }

  private push(chunk: Buffer): void {
    this.#waiting.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= highWaterBytes) this.#controller.pause();
    this.#wake?.();
  }

  #end(error: Error | undefined): void {
    this.#outcome ??= error === undefined ? {} : { error };
    this.#wake?.();
  }

  /**
   * `read` for a log: where one small batch follows another, it waits some milliseconds for them to become a larger one.
   * A line now and then is not delayed.
   */
  async readLingering(): Promise<Buffer[] | undefined> {
    if (this.#waiting.length === 0) await this.#more();
    const isBusy = performance.now() - this.#lastRead < 2 * linger.ms;
    if (isBusy && this.#bytes < linger.bytes && this.#outcome === undefined) {
      this.#controller.pause();
      await sleep(linger.ms);
      this.#controller.resume();
    }
    this.#lastRead = performance.now();
    return await this.read();
  }

  /** The next batch, never empty; undefined at the complete end of the body. Throws where it was cut. */
  async read(): Promise<Buffer[] | undefined> {
    while (this.#waiting.length === 0) {
      if (this.#outcome?.error !== undefined) throw this.#outcome.error;
      if (this.#outcome !== undefined) return undefined;
      await this.#more();
    }
    const batch = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    return batch;
  }

  /** Resolves when something came, or the end. */
  async #more(): Promise<void> {
    if (this.#outcome !== undefined) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#controller.paused) this.#controller.resume();
    });
    this.#wake = undefined;
  }

  /** The first `limit` bytes of the body as text, for a short answer. */
  async text(limit: number): Promise<string> {
    const parts: Buffer[] = [];
    let length = 0;
    for (let batch = await this.read(); batch !== undefined && length < limit; batch = await this.read()) {
      for (const part of batch) {
        parts.push(part);
        length += part.length;
      }
    }
    this.close();
    return Buffer.concat(parts).subarray(0, limit).toString('utf8');
  }

  /** Gives up the rest: the connection is closed unless the body was complete. Idempotent. */
  close(): void {
    if (this.#outcome !== undefined) return;
    const closed = new Error('closed by the reader');
    this.#outcome = { error: closed };
    this.#waiting = [];
    this.#controller.abort(closed);
    this.#wake?.();
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new DOMException('aborted', 'AbortError');
}
