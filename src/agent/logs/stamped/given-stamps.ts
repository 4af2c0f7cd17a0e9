import type { LogTime } from './log-time.ts';

/** Entries. What came again in a followed log that was rotated every two seconds was some tens of lines. */
const kept = 4096;
const none = -1;

/**
 * The stamps of the last entries of a stream that were given, by which one that comes again is known: after a rotation
 * dockerd (seen: 20.10.24) may begin the new file a second time, and give again what it has given of it. A clock that was
 * set back has stamps of its own, to the nanosecond: those entries are no repetition.
 */
export class GivenStamps {
  /** Nanoseconds after the first one, newest at `#count - 1`, as a ring; exact for a hundred days. */
  #stamps: Float64Array | undefined;
  #base: number | undefined;
  #count = 0;
  /** Of the entry that a repetition is at: the next one that it would repeat. */
  #next = none;

  /** The entry of that time was given. */
  add(time: LogTime): void {
    this.#stamps ??= new Float64Array(kept);
    this.#stamps[this.#count % kept] = this.#key(time);
    this.#count += 1;
  }

  /**
   * Whether the next entry, of that time, repeats one. To be asked of each, parts of one line included, which have the
   * same time. `isOther`: it is none of the line before it, and no two lines have the same time.
   */
  repeats(time: LogTime, isOther: boolean): boolean {
    if (this.#count === 0) return false;
    const key = this.#key(time);
    if (this.#next === none || this.#at(this.#next) !== key) {
      const last = this.#at(this.#count - 1);
      this.#next = key < last || (isOther && key === last) ? this.#find(key) : none;
      if (this.#next === none) return false;
    }
    this.#next = this.#next + 1 < this.#count ? this.#next + 1 : none;
    return true;
  }

  #find(key: number): number {
    const oldest = Math.max(0, this.#count - kept);
    let found = this.#count - 1;
    while (found >= oldest && this.#at(found) !== key) found -= 1;
    if (found < oldest) return none;
    while (found > oldest && this.#at(found - 1) === key) found -= 1;
    return found;
  }

  #at(index: number): number {
    return this.#stamps?.[index % kept] ?? Number.NaN;
  }

  #key({ seconds, nanos }: LogTime): number {
    this.#base ??= seconds;
    return (seconds - this.#base) * 1e9 + nanos;
  }
}
