import { GivenStamps } from './given-stamps.ts';
import { beginning, compareTimes, type LogTime } from './log-time.ts';

/**
 * A place in the output of one stream: the entries at or after `since`, without those already given.
 * `exact`: `count` entries of exactly that time were given, and nothing of the stream is later. Else `count` entries
 * at or after it were given, in the engine's order: for a clock that was set back in the middle.
 */
export interface Place {
  readonly since: LogTime;
  readonly exact: boolean;
  readonly count: number;
  /** Bytes of the next entry that were given already. */
  readonly offset: number;
}

export const start: Place = { since: beginning, exact: true, count: 0, offset: 0 };

/** What to do with an entry; `again`: it was given by this very answer. */
export type Verdict = 'older' | 'given' | 'again' | 'lost' | 'new';

/**
 * Follows one stream from a place on. Within a stream the engine's stamps rise, and equal ones are parts of one line;
 * across the two streams they do not, so that each has a position of its own.
 */
export class StreamPosition {
  readonly #from: Place;
  #toSkip: number;
  #total = 0;
  #latest: LogTime;
  #atLatest = 0;
  #inOrder = true;
  readonly #stamps = new GivenStamps();

  constructor(from: Place) {
    this.#from = from;
    this.#toSkip = from.count;
    this.#latest = from.since;
  }

  /**
   * Of the next entry; `isOther` as GivenStamps has it. `lost`: the entry that the place was taken at is not in the log
   * any more.
   */
  judge(time: LogTime, isOther: boolean): Verdict {
    const order = compareTimes(time, this.#from.since);
    if (order < 0) return 'older';
    if (this.#stamps.repeats(time, isOther)) return 'again';
    if (this.#toSkip === 0) return 'new';
    return order > 0 && this.#from.exact ? 'lost' : 'given';
  }

  /** The entry of that time is complete, whether it was given now or before. */
  advance(time: LogTime): void {
    if (this.#toSkip > 0) this.#toSkip -= 1;
    this.#total += 1;
    this.#stamps.add(time);
    const order = compareTimes(time, this.#latest);
    if (order > 0) {
      this.#latest = time;
      this.#atLatest = 1;
      this.#inOrder = true;
    } else if (order === 0) this.#atLatest += 1;
    else this.#inOrder = false;
  }

  /** Bytes to leave out of the next entry: the first new one, where the place was in the middle of it. */
  get offset(): number {
    return this.#total === this.#from.count ? this.#from.offset : 0;
  }

  /** The log ended, and what had been given before was not all there. */
  get isShort(): boolean {
    return this.#toSkip > 0;
  }

  /** After the last complete entry, and `offset` bytes of the next one. */
  place(offset = this.offset): Place {
    if (this.#toSkip > 0) return this.#from;
    if (this.#inOrder) return { since: this.#latest, exact: true, count: this.#atLatest, offset };
    return { since: this.#from.since, exact: false, count: this.#total, offset };
  }
}
