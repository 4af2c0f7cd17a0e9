import type { PodStore } from './store.ts';

/**
 * A waiting call's view of the changes of one pod: `next()` resolves after something changed since the last `next()`,
 * any number of changes at once. Nothing is queued, so a slow caller costs no memory, and no change is missed as long
 * as the caller reads the store after each `next()`.
 */
export class PodChanges {
  readonly #signal: AbortSignal;
  #changed = false;
  #removed = false;
  #wake: (() => void) | undefined;

  constructor(store: PodStore, podUid: string, signal: AbortSignal) {
    this.#signal = signal;
    const wake = () => {
      this.#changed = true;
      this.#wake?.();
    };
    store.subscribe(
      (change) => {
        if (change.type === 'pod-removed') this.#removed = true;
        wake();
      },
      signal,
      podUid,
    );
    signal.addEventListener('abort', wake, { once: true });
  }

  /** True once the pod has left the node. */
  get podRemoved(): boolean {
    return this.#removed;
  }

  /** Throws the signal's reason once it aborts. */
  async next(): Promise<void> {
    if (!this.#changed && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    this.#signal.throwIfAborted();
    this.#changed = false;
  }
}
