import type { ServerWritableStream } from '@grpc/grpc-js';
import type { CallMetrics } from '../metrics/call-metrics.ts';

/**
 * Writes a stream of responses at the caller's pace: nothing is pulled from the source while the connection's buffer
 * is full, so that a caller that does not read costs a bounded amount of memory. Always finishes the iterator, also
 * when the call is aborted; rejects with the signal's reason then.
 */
export async function pump<Response>(
  source: AsyncIterable<Response>,
  call: ServerWritableStream<unknown, Response>,
  signal: AbortSignal,
  metrics: CallMetrics,
): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  const patience = new Patience(signal);
  try {
    for (;;) {
      const next = await patience.until(iterator.next());
      if (next.done === true) return;
      metrics.sent(next.value);
      if (!call.write(next.value)) await patience.until(drained(call));
    }
  } finally {
    // Not awaited for ever: a source that hangs was given the same signal.
    await iterator.return?.();
  }
}

function drained(call: ServerWritableStream<unknown, unknown>): Promise<void> {
  return new Promise((resolve) => {
    call.once('drain', resolve);
  });
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
