import type { Backoff } from '../../backoff.ts';
import type { LogChunk, LogOptions } from '../../executors/roles.ts';
import type { ResponseStream } from '../../http/response-stream.ts';
import { ChunkBuilder } from './chunk-builder.ts';
import { decodeCursor, type Places, startPlaces } from './cursor.ts';
import { type EntryParser, type EntrySink, LogComplaint, type StreamIndex, unreadable } from './entry-sink.ts';
import { beginning, compareTimes, type LogTime, timeOfDate } from './log-time.ts';
import { findTail, type TailStart } from './tail.ts';

export interface LogQuery {
  readonly since: LogTime;
  readonly tail?: number;
  readonly follow?: boolean;
}

/** The log of one attempt, as a server gives it: every entry with its time, from a time on. */
export interface StampedLog {
  /** Of this log alone; it ties cursors to it. */
  readonly tag: Buffer;
  readonly wanted: ReadonlySet<StreamIndex>;
  /** No two lines have the same time: who writes it takes the time of each, to the nanosecond. */
  readonly ownTimes: boolean;
  open(query: LogQuery): Promise<ResponseStream>;
  parser(sink: EntrySink): EntryParser;
  /**
   * Whether the container may write more. `serverEnded`: it ended a followed log, as it does when it has seen the exit;
   * what it tells of the container may be behind that. Throws where the log is gone.
   */
  goesOn(serverEnded: boolean): Promise<boolean>;
  /**
   * What is to be thrown instead of going on after a failure in the middle; undefined: the server is away for now.
   * `wasReadable`: something of this log was read before.
   */
  fatal(error: unknown, wasReadable: boolean): unknown;
}

/** How long a server may say in place of a log that it cannot read it, until that is the answer; in milliseconds. */
const bearMs = 60_000;

/**
 * Reads a log whose every entry is stamped with its time: these times are what a cursor is made of, and what a log that
 * was cut goes on from. Nothing is lost or given twice, equal times included.
 */
export class StampedReading {
  readonly #log: StampedLog;
  readonly #options: LogOptions;
  readonly #backoff: Backoff;
  readonly #signal: AbortSignal;
  #places: Places = startPlaces;
  #skipLines = 0;
  /** On the monotonic clock. */
  #unreadableSince: number | undefined;
  #wasReadable = false;

  constructor(log: StampedLog, options: LogOptions, backoff: Backoff, signal: AbortSignal) {
    this.#log = log;
    this.#options = options;
    this.#backoff = backoff;
    this.#signal = signal;
  }

  async *chunks(): AsyncGenerator<LogChunk> {
    await this.#findStart();
    yield* this.#untilEnd();
  }

  async #findStart(): Promise<void> {
    const { cursor, since, tailLines } = this.#options;
    if (cursor !== undefined) {
      this.#places = decodeCursor(this.#log.tag, cursor);
      return;
    }
    const from = since === undefined ? beginning : timeOfDate(since);
    const start: TailStart =
      tailLines === undefined
        ? { since: from, skipLines: 0 }
        : tailLines === 0
          ? { since: later(from, timeOfDate(new Date())), skipLines: 0 }
          : await this.#findTail(tailLines, from);
    const place = { since: start.since, exact: true, count: 0, offset: 0 };
    this.#places = [place, place];
    this.#skipLines = start.skipLines;
  }

  async #findTail(lines: number, from: LogTime): Promise<TailStart> {
    let opened = false;
    for (;;) {
      const read = (sink: EntrySink, query: LogQuery) => this.#readThrough(sink, query, () => (opened = true));
      try {
        return await findTail(read, this.#log.wanted, lines, from);
      } catch (error) {
        await this.#recover(error, opened);
      }
    }
  }

  /**
   * A followed log goes on over restarts of the server; it ends when the server shows that the container has ended, and
   * what it left out at the end has been read. A log that the server cannot follow for now is read piece by piece.
   */
  async *#untilEnd(): AsyncGenerator<LogChunk> {
    let opened = false;
    let mode: 'follow' | 'piece' | 'rest' = this.#options.follow ? 'follow' : 'rest';
    for (;;) {
      try {
        for await (const chunk of this.#once(mode === 'follow', () => (opened = true))) {
          this.#backoff.reset();
          this.#wasReadable = true;
          yield chunk;
        }
        if (mode !== 'follow') this.#unreadableSince = undefined;
        if (mode === 'rest') return;
        // A followed log is closed when the server sees the exit, which can be before it has sent the last lines.
        mode = (await this.#log.goesOn(mode === 'follow')) ? 'follow' : 'rest';
        if (mode === 'follow') await this.#backoff.pause(this.#signal);
      } catch (error) {
        if (mode === 'follow' && error instanceof LogComplaint) {
          mode = 'piece';
          await this.#backoff.pause(this.#signal);
        } else await this.#recover(error, opened);
      }
    }
  }

  /** Pauses before the server is asked again; throws where that is of no use. */
  async #recover(error: unknown, opened: boolean): Promise<void> {
    if (this.#signal.aborted || !opened) throw error;
    const fatal = this.#log.fatal(error, this.#wasReadable);
    if (fatal !== undefined) throw fatal;
    if (error instanceof LogComplaint) {
      this.#unreadableSince ??= performance.now();
      if (performance.now() - this.#unreadableSince > bearMs) throw this.#wasReadable ? unreadable() : error.meaning;
    }
    await this.#backoff.pause(this.#signal);
  }

  /** One answer of the server from the present place on; however it ends, the place is after what was given. */
  async *#once(follow: boolean, opened: () => void): AsyncGenerator<LogChunk> {
    const { tag, wanted, ownTimes } = this.#log;
    const builder = new ChunkBuilder({
      tag,
      ownTimes,
      keepStamps: this.#options.timestamps,
      from: this.#places,
      skipLines: this.#skipLines,
    });
    const since = [...wanted].map((stream) => this.#places[stream].since).reduce(earlier);
    const stream = await this.#log.open({ since, follow });
    opened();
    try {
      const parser = this.#log.parser(builder);
      for (let batch = await stream.readLingering(); batch !== undefined; batch = await stream.readLingering()) {
        for (const data of batch) parser.push(data);
        yield* this.#taken(builder);
      }
      parser.finish();
      yield* this.#taken(builder);
      if (!follow) builder.checkWhole(wanted);
    } finally {
      stream.close();
    }
  }

  *#taken(builder: ChunkBuilder): Generator<LogChunk> {
    const chunks = builder.take();
    // While lines are still skipped, beginning again skips them again.
    if (builder.linesToSkip === 0) {
      this.#places = builder.places();
      this.#skipLines = 0;
    }
    yield* chunks;
  }

  async #readThrough(sink: EntrySink, query: LogQuery, opened: () => void): Promise<EntryParser> {
    const parser = this.#log.parser(sink);
    const stream = await this.#log.open(query);
    opened();
    try {
      for (let batch = await stream.read(); batch !== undefined; batch = await stream.read()) {
        for (const data of batch) parser.push(data);
      }
    } finally {
      stream.close();
    }
    parser.finish();
    return parser;
  }
}

function earlier(a: LogTime, b: LogTime): LogTime {
  return compareTimes(a, b) <= 0 ? a : b;
}

function later(a: LogTime, b: LogTime): LogTime {
  return compareTimes(a, b) >= 0 ? a : b;
}
