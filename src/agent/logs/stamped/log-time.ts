/** Time of a log entry: whole seconds since the epoch and nanoseconds. Two numbers, since there is one per line. */
export interface LogTime {
  readonly seconds: number;
  readonly nanos: number;
}

export const beginning: LogTime = { seconds: 0, nanos: 0 };

/** `2006-01-02T15:04:05.000000000Z` and a space: how the engine stamps an entry, always in UTC. */
export const stampLength = 31;

/** Negative, zero or positive, as a is before, at or after b. */
export function compareTimes(a: LogTime, b: LogTime): number {
  return a.seconds - b.seconds || a.nanos - b.nanos;
}

export function timeOfDate(date: Date): LogTime {
  const milliseconds = Math.max(0, date.getTime());
  return { seconds: Math.floor(milliseconds / 1000), nanos: (milliseconds % 1000) * 1_000_000 };
}

export function dateOfTime(time: LogTime): Date {
  return new Date(time.seconds * 1000 + time.nanos / 1_000_000);
}

/** As the engine's `since` parameter takes it; it lets through what is at or after that nanosecond. */
export function sinceParameter(time: LogTime): string | undefined {
  if (time.seconds === 0 && time.nanos === 0) return undefined;
  return `${time.seconds}.${String(time.nanos).padStart(9, '0')}`;
}

/** RFC 3339 in UTC with nanoseconds; undefined for the beginning of all logs. */
export function isoOfTime({ seconds, nanos }: LogTime): string | undefined {
  if (seconds === 0 && nanos === 0) return undefined;
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanos).padStart(9, '0')}Z`;
}

/** The last second of the year 9999: later ones have no RFC 3339 form. */
export const maxSeconds = 253_402_300_799;

/**
 * Seconds since the epoch of `2006-01-02T15:04:05` and a zone; undefined where it is none. Strict: what a container writes
 * may stand where a stamp could, and `Date.parse` alone takes much else, with parts of seconds too.
 */
export function parseSeconds(text: string, zone: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text)) return undefined;
  const seconds = Date.parse(`${text}${zone}`) / 1000;
  return seconds <= maxSeconds ? seconds : undefined;
}

/** Reads stamps; keeps the last second, since most lines share it with the one before. */
export class StampReader {
  readonly #second = Buffer.alloc(19);
  #seconds = -1;

  /** The time stamped at `at` in `bytes`, which has at least 31 bytes there; undefined where it is no stamp. */
  read(bytes: Buffer, at: number): LogTime | undefined {
    if (bytes[at + 30] !== 0x20 || bytes[at + 29] !== 0x5a || bytes[at + 19] !== 0x2e) return undefined;
    let nanos = 0;
    for (let digit = at + 20; digit < at + 29; digit++) {
      const value = (bytes[digit] ?? 0) - 0x30;
      if (value < 0 || value > 9) return undefined;
      nanos = nanos * 10 + value;
    }
    if (!this.#isSameSecond(bytes, at)) {
      const seconds = parseSeconds(bytes.toString('latin1', at, at + 19), 'Z');
      if (seconds === undefined) return undefined;
      this.#seconds = seconds;
      bytes.copy(this.#second, 0, at, at + 19);
    }
    return { seconds: this.#seconds, nanos };
  }

  #isSameSecond(bytes: Buffer, at: number): boolean {
    for (let index = 18; index >= 0; index--) if (bytes[at + index] !== this.#second[index]) return false;
    return true;
  }
}
