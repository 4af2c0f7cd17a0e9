import { PodhandError } from '../../../wire/errors.ts';

export interface TurnLimits {
  readonly perPod: number;
  readonly perNode: number;
  /** Waiting ones of one pod; one more is TOO_MANY_CALLS. */
  readonly queuedPerPod: number;
}

interface Waiting {
  readonly podUid: string;
  /** True: the place is taken for it. */
  end(entered: boolean): void;
}

/** Lets so many at a time in per pod and per node, in the order of coming; a pod whose places are taken is passed over. */
export class Turns {
  readonly #limits: TurnLimits;
  readonly #running = new Map<string, number>();
  #waiting: Waiting[] = [];
  #busy = 0;
  /** Places, counted as running too, that are out of use for now. */
  readonly #lost = new Map<string, number>();
  #closed = false;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#busy - this.#lostOfAll;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Whether somebody waits for a place of the node, and not only for one of its own pod. */
  get crowded(): boolean {
    const { perPod, perNode } = this.#limits;
    const waits = ({ podUid }: Waiting) => (this.#running.get(podUid) ?? 0) < perPod;
    return this.#busy >= perNode && this.#waiting.some(waits);
  }

  /** Resolves once a place is taken; `exit` gives it back. Errors: TOO_MANY_CALLS, AGENT_STOPPING; the signal's reason. */
  async enter(podUid: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#closed) throw stopping();
    if (this.#free(podUid)) return this.#take(podUid);
    const { queuedPerPod, perPod, perNode } = this.#limits;
    // Nobody knows whether these ever come back.
    const stuck = this.#lostOfAll >= perNode || (this.#lost.get(podUid) ?? 0) >= perPod;
    if (stuck || this.#waiting.filter((other) => other.podUid === podUid).length >= queuedPerPod) {
      const details = { retryAfterMs: '1000' };
      throw new PodhandError('TOO_MANY_CALLS', 'too many transfers of this pod are under way; call again later', {
        details,
      });
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiting: Waiting = { podUid, end: resolve };
    this.#waiting.push(waiting);
    const leave = () => this.#remove(waiting, false);
    signal.addEventListener('abort', leave, { once: true });
    const entered = await promise;
    signal.removeEventListener('abort', leave);
    if (entered && !signal.aborted && !this.#closed) return;
    // Its turn came in the moment in which the call ended.
    if (entered) this.exit(podUid);
    signal.throwIfAborted();
    throw stopping();
  }

  exit(podUid: string): void {
    this.#busy--;
    count(this.#running, podUid, -1);
    this.#startNext();
  }

  /** Instead of `exit`: the place stays taken, for nobody knows how long. */
  lose(podUid: string): void {
    count(this.#lost, podUid, 1);
  }

  /** What was lost is usable again. */
  recover(podUid: string): void {
    count(this.#lost, podUid, -1);
    this.exit(podUid);
  }

  /** Nobody comes in any more. */
  close(): void {
    this.#closed = true;
    for (const waiting of this.#waiting) this.#remove(waiting, false);
  }

  get #lostOfAll(): number {
    return this.#lost.values().reduce((sum, lost) => sum + lost, 0);
  }

  #free(podUid: string): boolean {
    const { perPod, perNode } = this.#limits;
    return this.#busy < perNode && (this.#running.get(podUid) ?? 0) < perPod;
  }

  #take(podUid: string): void {
    this.#busy++;
    count(this.#running, podUid, 1);
  }

  #remove(waiting: Waiting, entered: boolean): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    waiting.end(entered);
  }

  #startNext(): void {
    const next = this.#waiting.find(({ podUid }) => this.#free(podUid));
    if (next === undefined) return;
    this.#take(next.podUid);
    this.#remove(next, true);
  }
}

function count(counts: Map<string, number>, podUid: string, change: 1 | -1): void {
  const now = (counts.get(podUid) ?? 0) + change;
  if (now > 0) counts.set(podUid, now);
  else counts.delete(podUid);
}

export function stopping(): PodhandError {
  return new PodhandError('AGENT_STOPPING', 'the agent is stopping; call again');
}
