import type { ServerWritableStream } from '@grpc/grpc-js';
import type { CallMetrics } from '../metrics/call-metrics.ts';

/**
 * What one stream may have in memory that its caller has not taken, in bytes. grpc-js counts messages, 16 of them: a
 * mebibyte of each of a pod's streams. Four chunks are about as fast; with two an archive of small files took longer.
 */
const mostInFlight = 256 * 1024;
/** What a message takes beside its data. */
const perMessage = 8 * 1024;

/**
 * Writes a stream of responses at the caller's pace: nothing is pulled from the source while enough is on its way, so
 * that a caller that does not read costs a bounded amount of memory. Always finishes the iterator, also when the call is
 * aborted; rejects with the signal's reason then.
 */
export async function pump<Response>(
  source: AsyncIterable<Response>,
  call: ServerWritableStream<unknown, Response>,
  signal: AbortSignal,
  metrics: CallMetrics,
): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  const patience = new Patience(signal);
  const inFlight = new InFlight();
  try {
    for (;;) {
      const next = await patience.until(iterator.next());
      if (next.done === true) return;
      const bytes = metrics.sent(next.value) + perMessage;
      call.write(next.value, inFlight.add(bytes));
      if (inFlight.isFull) await patience.until(inFlight.room());
    }
  } finally {
    // Not awaited for ever: a source that hangs was given the same signal.
    await iterator.return?.();
  }
}

/** The bytes of one stream that its connection has not taken. */
class InFlight {
  #bytes = 0;
  #room: (() => void) | undefined;

  get isFull(): boolean {
    return this.#bytes >= mostInFlight;
  }

  /** Answers what to call when they are gone. */
  add(bytes: number): () => void {
    this.#bytes += bytes;
    return () => {
      this.#bytes -= bytes;
      if (!this.isFull) this.#room?.();
    };
  }

  room(): Promise<void> {
    return new Promise((resolve) => {
      this.#room = resolve;
    });
  }
}

/**
 * Waits for one promise after another until a signal aborts. Not a race with one promise of the abort: that would hold
 * every result that it ever lost against, all messages of the stream, until the call ends.
 */
class Patience {
  readonly #signal: AbortSignal;
  #abort: ((reason: unknown) => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#abort?.(signal.reason), { once: true });
  }

  until<Value>(promise: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.#abort = reject;
      if (this.#signal.aborted) reject(this.#signal.reason);
      promise.then(resolve, reject);
    });
  }
}
