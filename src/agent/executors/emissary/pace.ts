const shortestMs = 5;
const longestMs = 500;
/** After so long a silence the next change is looked at at once. */
const quietMs = 2_000;

/** Spaces looks at something that a pod can change as fast as it likes: at once after a silence, then ever less often. */
export class Pace {
  #pauseMs = 0;
  #last = Number.NEGATIVE_INFINITY;

  /** How long the next look has to wait, in milliseconds; counts as a look. */
  next(now: number): number {
    const since = now - this.#last;
    this.#pauseMs = since > quietMs ? 0 : Math.min(longestMs, Math.max(shortestMs, this.#pauseMs * 2));
    const pause = Math.max(0, this.#pauseMs - since);
    this.#last = now + pause;
    return pause;
  }
}
