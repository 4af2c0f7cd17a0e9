import type { EntryParser, EntrySink, StreamIndex } from './entry-sink.ts';
import { beginning, compareTimes, type LogTime } from './log-time.ts';

/**
 * Opens a log of both streams without following it, from `since` on, and pushes it through the sink. A server that takes
 * whole seconds gives some entries before it, too.
 */
export type ReadThrough = (
  sink: EntrySink,
  query: { readonly since: LogTime; readonly tail?: number },
) => Promise<EntryParser>;

export interface TailStart {
  readonly since: LogTime;
  /** Lines of the wanted streams at or after `since` that are not of the tail. */
  readonly skipLines: number;
}

/**
 * Where the last `lines` lines begin. The engine's own `tail` counts stored entries of both streams: a long line counts
 * as many, one may be cut in its middle, and of one stream alone it may leave nothing. So it only says where to look:
 * lines of the wanted streams are counted from there, further back if need be. Reads the tail up to three times, in
 * constant memory.
 */
export async function findTail(
  readThrough: ReadThrough,
  wanted: ReadonlySet<StreamIndex>,
  lines: number,
  since: LogTime,
): Promise<TailStart> {
  for (let tail = lines; ; tail = Math.min(tail * 4, Number.MAX_SAFE_INTEGER)) {
    const seen = new LineCount(wanted, since);
    await readThrough(seen, { since, tail });
    const all = seen.entries < tail;
    if (all && seen.lines <= lines) return { since, skipLines: 0 };
    if (!all && seen.lines < lines) continue;
    const from = all || seen.earliest === undefined ? since : seen.earliest;
    // Entries of the two streams are not stored in the order of their times: count again what will be read.
    const counted = new LineCount(wanted, from);
    await readThrough(counted, { since: from });
    return { since: from, skipLines: Math.max(0, counted.lines - lines) };
  }
}

class LineCount implements EntrySink {
  readonly #wanted: ReadonlySet<StreamIndex>;
  readonly #open: [boolean, boolean] = [false, false];
  #terminated = 0;
  #stream: StreamIndex = 0;
  readonly #since: LogTime;
  #lastByte = -1;
  #isOlder = false;
  entries = 0;
  earliest: LogTime | undefined;

  constructor(wanted: ReadonlySet<StreamIndex>, since: LogTime) {
    this.#wanted = wanted;
    this.#since = since;
  }

  /** An unfinished one at the end counts. */
  get lines(): number {
    return this.#terminated + this.#open.filter(Boolean).length;
  }

  begin(stream: StreamIndex, time: LogTime): void {
    this.entries += 1;
    this.#stream = stream;
    this.#lastByte = -1;
    this.#isOlder = compareTimes(time, this.#since) < 0;
    if (this.#isOlder) return;
    if (this.earliest === undefined || compareTimes(time, this.earliest) < 0) this.earliest = time;
  }

  bytes(data: Buffer, _start: number, end: number): void {
    this.#lastByte = data[end - 1] ?? -1;
  }

  end(): void {
    if (this.#isOlder || !this.#wanted.has(this.#stream) || this.#lastByte === -1) return;
    const terminated = this.#lastByte === 0x0a;
    if (terminated) this.#terminated += 1;
    this.#open[this.#stream] = !terminated;
  }
}

export const wholeLog: TailStart = { since: beginning, skipLines: 0 };
