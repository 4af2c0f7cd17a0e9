/** What has stood for so long is settled: the next trouble is the first again. Milliseconds. */
const settledAfter = 60_000;
const shortest = 50;
const longest = 30_000;

/** Spaces the attempts at one thing: the first at once, then after pauses that double from 50 ms to 30 s. */
export class BackOff {
  #next = 0;
  #pause = shortest;

  /** Whether an attempt may be made at `now` (milliseconds of any one clock); counts as one if so. */
  attempt(now: number): boolean {
    if (now < this.#next) return false;
    if (now - this.#next > settledAfter) this.#pause = shortest;
    this.#next = now + this.#pause;
    this.#pause = Math.min(this.#pause * 2, longest);
    return true;
  }
}
