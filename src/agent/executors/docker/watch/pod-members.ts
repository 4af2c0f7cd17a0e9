import type { PodStore } from '../../../pods/store.ts';

/**
 * Which containers and sandboxes of each pod the engine still has. A pod leaves the store some time after its last one
 * was removed, so that calls and records can finish.
 */
export class PodMembers {
  readonly #store: PodStore;
  readonly #delayMs: number;
  readonly #ids = new Map<string, Set<string>>();
  readonly #podOf = new Map<string, string>();
  readonly #leaving = new Map<string, NodeJS.Timeout>();

  constructor(store: PodStore, delayMs: number, signal: AbortSignal) {
    this.#store = store;
    this.#delayMs = delayMs;
    signal.addEventListener('abort', () => {
      for (const timer of this.#leaving.values()) clearTimeout(timer);
      this.#leaving.clear();
    });
  }

  add(podUid: string, id: string): void {
    clearTimeout(this.#leaving.get(podUid));
    this.#leaving.delete(podUid);
    const ids = this.#ids.get(podUid) ?? new Set();
    this.#ids.set(podUid, ids.add(id));
    this.#podOf.set(id, podUid);
  }

  ids(): string[] {
    return [...this.#podOf.keys()];
  }

  podOf(id: string): string | undefined {
    return this.#podOf.get(id);
  }

  delete(id: string): void {
    const podUid = this.#podOf.get(id);
    if (podUid === undefined) return;
    this.#podOf.delete(id);
    const ids = this.#ids.get(podUid);
    ids?.delete(id);
    if (ids?.size === 0) {
      this.#ids.delete(podUid);
      const timer = setTimeout(() => {
        this.#leaving.delete(podUid);
        this.#store.removePod(podUid);
      }, this.#delayMs);
      this.#leaving.set(podUid, timer.unref());
    }
  }
}
