import { type Container, hasEnded } from '../pods/model.ts';
import type { PodStore } from '../pods/store.ts';
import { cautiousNow } from '../steady-clock.ts';

/** When a log counts as complete after its container has ended. Milliseconds. */
export interface DrainRule {
  /**
   * The runtime may still be writing what the container printed last: the log is complete once it has not grown for
   * this long after the end.
   */
  readonly settle: number;
  /** A process that outlives the container may print for ever: what comes later than this after the end is not awaited. */
  readonly longest: number;
  /** Whether the runtime has said that it wrote everything: nothing has to settle then. */
  drained?(container: Container): boolean;
}

/** What is known about the end of one attempt of a container, from the store. */
export class LogEnding {
  readonly #store: PodStore;
  readonly #container: Container;
  readonly #rule: DrainRule;
  readonly #hadEnded: boolean;
  #seenAt: number | undefined;
  #still: { readonly modifiedMs: number; readonly since: number } | undefined;

  /** `wake` is called when the container changes, until `signal` aborts. */
  constructor(store: PodStore, container: Container, rule: DrainRule, wake: () => void, signal: AbortSignal) {
    this.#store = store;
    this.#container = container;
    this.#rule = rule;
    const listener = () => {
      this.#look();
      wake();
    };
    store.subscribe(listener, signal, container.podUid);
    this.#hadEnded = this.#look();
  }

  get hasEnded(): boolean {
    return this.#look() || this.#seenAt !== undefined;
  }

  /** The longest time to wait for a log that goes on growing has passed. */
  get isOverdue(): boolean {
    return this.#seenAt !== undefined && performance.now() - this.#seenAt > this.#rule.longest;
  }

  /**
   * Milliseconds for which the log has to stay as it is after the end, `modifiedMs` being when it last grew; 0: it is
   * complete. A clock that is set meanwhile neither cuts nor prolongs this.
   */
  remaining(modifiedMs: number): number {
    const container = this.#latest();
    if (container !== undefined && this.#rule.drained?.(container) === true) return 0;
    const now = performance.now();
    if (this.#still?.modifiedMs !== modifiedMs) this.#still = { modifiedMs, since: now };
    const quiet = now - this.#still.since;
    // Only the wall clock knows for how long what had ended before has been as it is.
    const finished = container?.exit?.finishedAt?.getTime() ?? 0;
    const before = this.#hadEnded ? cautiousNow() - Math.max(modifiedMs, finished) : 0;
    return Math.max(this.#rule.settle - Math.max(quiet, before), 0);
  }

  #latest(): Container | undefined {
    return this.#store.byId(this.#container.podUid, this.#container.id);
  }

  /** A container that the store has forgotten has ended. */
  #look(): boolean {
    const container = this.#latest();
    const ended = container === undefined || hasEnded(container);
    if (ended) this.#seenAt ??= performance.now();
    return ended;
  }
}
