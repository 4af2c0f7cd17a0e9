import { type Container, hasEnded } from '../pods/model.ts';
import type { PodStore } from '../pods/store.ts';

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
  #seenAt: number | undefined;

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
    this.#look();
  }

  get hasEnded(): boolean {
    return this.#look() || this.#seenAt !== undefined;
  }

  /** The longest time to wait for a log that goes on growing has passed. */
  get isOverdue(): boolean {
    return this.#seenAt !== undefined && performance.now() - this.#seenAt > this.#rule.longest;
  }

  /** Milliseconds for which the log has to stay as it is, `modifiedMs` being when it last grew; 0: it is complete. */
  remaining(modifiedMs: number): number {
    const container = this.#latest();
    if (container !== undefined && this.#rule.drained?.(container) === true) return 0;
    const finished = container?.exit?.finishedAt?.getTime() ?? 0;
    const quiet = Date.now() - Math.max(modifiedMs, finished);
    // A clock that was set back must not make this wait long.
    return Math.min(Math.max(this.#rule.settle - quiet, 0), this.#rule.settle);
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
