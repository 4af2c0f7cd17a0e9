/**
 * The wall clock, unless it was set forward since the process began: then what it would show without that. In
 * milliseconds since the epoch. For the age of what has a time of the wall clock, which then is never taken for older
 * than it is.
 */
export function cautiousNow(): number {
  return Math.min(Date.now(), performance.timeOrigin + performance.now());
}

/** A moment that is kept while time passes, and asked for on the wall clock later on. */
export class Moment {
  readonly #wall = Date.now();
  readonly #steady = performance.now();

  /**
   * The moment on the wall clock; where that was set meanwhile, the earlier one of what it showed then and of what it
   * would have shown as it is set now.
   */
  get earliest(): Date {
    return new Date(Math.min(this.#wall, Date.now() - (performance.now() - this.#steady)));
  }
}
