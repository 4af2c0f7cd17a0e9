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
  const aborted = whenAborted(signal);
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done === true) return;
      metrics.sent(next.value);
      if (!call.write(next.value)) await Promise.race([drained(call), aborted]);
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

function whenAborted(signal: AbortSignal): Promise<never> {
  const promise = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  // Also raced; alone it must not count as unhandled.
  promise.catch(() => undefined);
  return promise;
}
