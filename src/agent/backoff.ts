import { setTimeout as sleep } from 'node:timers/promises';

/** Pauses that grow from `firstMs` to `longestMs`, each cut at random to between half of it and all. */
export class Backoff {
  readonly #firstMs: number;
  readonly #longestMs: number;
  #failures = 0;

  constructor({ firstMs = 100, longestMs = 5_000 }: { firstMs?: number; longestMs?: number } = {}) {
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
  }

  /** How long the next pause is to be, in milliseconds. */
  next(): number {
    const longest = Math.min(this.#longestMs, this.#firstMs * 2 ** Math.min(this.#failures++, 16));
    return longest * (0.5 + Math.random() / 2);
  }

  /** Resolves after the next pause; rejects once `signal` aborts. */
  async pause(signal: AbortSignal): Promise<void> {
    await sleep(this.next(), undefined, { signal });
  }

  /** It went well: the next pause is short again. */
  reset(): void {
    this.#failures = 0;
  }
}
