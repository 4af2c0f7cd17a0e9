import type { HeldContainer } from './held-container.ts';

export interface HoldLimits {
  readonly holdAfterExitMs: number;
  readonly maxEndedPerPod: number;
  readonly maxEnded: number;
}

/**
 * How long, and how many, containers that have ended are held: held mounts keep a node's volumes busy and its disk full.
 * The one that ended first goes first.
 */
export class HoldPolicy {
  readonly #limits: HoldLimits;
  readonly #expired: (held: HeldContainer) => void;
  /** In the order in which they ended. */
  readonly #ended = new Map<HeldContainer, NodeJS.Timeout>();

  /** `expired` is to call `drop`. */
  constructor(limits: HoldLimits, expired: (held: HeldContainer) => void) {
    this.#limits = limits;
    this.#expired = expired;
  }

  ended(held: HeldContainer): void {
    const timer = setTimeout(() => this.#expired(held), this.#limits.holdAfterExitMs);
    timer.unref();
    this.#ended.set(held, timer);
    const all = [...this.#ended.keys()];
    const ofPod = all.filter((other) => other.podUid === held.podUid);
    // Containers outside of pods have no pod to share a bound with.
    const first = held.podUid !== undefined && ofPod.length > this.#limits.maxEndedPerPod ? ofPod[0] : undefined;
    const expired = first ?? (all.length > this.#limits.maxEnded ? all[0] : undefined);
    if (expired) this.#expired(expired);
  }

  /** Releases it now. */
  drop(held: HeldContainer): void {
    clearTimeout(this.#ended.get(held));
    this.#ended.delete(held);
    held.release();
  }

  clear(): void {
    for (const held of [...this.#ended.keys()]) this.drop(held);
  }
}
