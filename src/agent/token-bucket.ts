/** So many a second, and after a pause so many at once. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt = performance.now();

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Takes one where there is one; answers the milliseconds until there is one, 0 where it was taken. */
  take(): number {
    const wait = this.wait();
    if (wait === 0) this.#tokens -= 1;
    return wait;
  }

  /** Takes one, there or not. */
  spend(): void {
    this.#fill();
    this.#tokens -= 1;
  }

  /** There is none for so long. */
  empty(seconds: number): void {
    this.#fill();
    this.#tokens = Math.min(this.#tokens, 1 - seconds * this.#perSecond);
  }

  /** Milliseconds until there is one; takes none. */
  wait(): number {
    this.#fill();
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#perSecond) * 1000);
  }

  /** Whether it is as one that is new. */
  get full(): boolean {
    this.#fill();
    return this.#tokens === this.#burst;
  }

  #fill(): void {
    const now = performance.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) / 1000) * this.#perSecond);
    this.#filledAt = now;
  }
}
