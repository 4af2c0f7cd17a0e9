import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Yields at once, then after pauses that double from `firstMs` up to `mostMs`, until `totalMs` have passed: for the few
 * things that the kernel tells to nobody. Ends early, without an error, when `signal` aborts.
 */
export async function* pauses(
  { firstMs, mostMs, totalMs }: { readonly firstMs: number; readonly mostMs: number; readonly totalMs: number },
  signal: AbortSignal,
): AsyncGenerator<void> {
  const end = performance.now() + totalMs;
  for (let pause = firstMs; !signal.aborted; pause = Math.min(pause * 2, mostMs)) {
    yield;
    if (performance.now() >= end) return;
    await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
