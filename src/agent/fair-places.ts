/** What has a place. */
export interface Held {
  /** Ends it, for its place is another's now. */
  end(): void;
  /** Whether it is missed less than others. */
  idle?(): boolean;
}

interface OfPod {
  /** In the order in which they came. */
  readonly held: Set<Held>;
  /** What has lost its place and has not ended yet. */
  leaving: number;
}

/**
 * Places on the node, so many for each pod and so many for all. When all are taken, a pod gets one from the pod that has
 * the most, unless it has as many itself, or one less: each of n pods can have an n-th of the places, whatever the others
 * hold, and none loses one to a pod that would then have more.
 */
export class FairPlaces {
  readonly #perPod: number;
  readonly #ofAll: number;
  readonly #pods = new Map<string, OfPod>();
  #taken = 0;

  constructor(perPod: number, ofAll: number) {
    this.#perPod = perPod;
    this.#ofAll = ofAll;
  }

  get taken(): number {
    return this.#taken;
  }

  /** What the pod holds. */
  of(pod: string): number {
    return this.#pods.get(pod)?.held.size ?? 0;
  }

  has(pod: string): boolean {
    return this.#pods.has(pod);
  }

  /** Whether there is no place for the pod, and whose limit says so. */
  full(pod: string): 'pod' | 'node' | undefined {
    // What lingers counts, or a pod could have ever more of what does not end when it is told to.
    if (this.of(pod) + (this.#pods.get(pod)?.leaving ?? 0) >= this.#perPod) return 'pod';
    if (this.#taken < this.#ofAll || (this.#most()?.held.size ?? 0) > this.of(pod) + 1) return undefined;
    return 'node';
  }

  /** Takes a place for a pod that is not `full`; answers what to call once `held` has ended, however. */
  take(pod: string, held: Held): () => void {
    if (this.#taken >= this.#ofAll) this.#displace();
    const of = this.#pods.get(pod) ?? { held: new Set(), leaving: 0 };
    this.#pods.set(pod, of);
    of.held.add(held);
    this.#taken += 1;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      if (of.held.delete(held)) this.#taken -= 1;
      else of.leaving -= 1;
      if (of.held.size + of.leaving === 0) this.#pods.delete(pod);
    };
  }

  /** The newest of the pod that has the most, one that is idle before others. */
  #displace(): void {
    const most = this.#most();
    const newest = [...(most?.held ?? [])].reverse();
    const held = newest.find((each) => each.idle?.() === true) ?? newest[0];
    if (most === undefined || held === undefined) return;
    most.held.delete(held);
    most.leaving += 1;
    this.#taken -= 1;
    held.end();
  }

  #most(): OfPod | undefined {
    let most: OfPod | undefined;
    for (const each of this.#pods.values()) if (each.held.size > (most?.held.size ?? 0)) most = each;
    return most;
  }
}
