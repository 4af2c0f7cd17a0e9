import { setTimeout as sleep } from 'node:timers/promises';
import { PodhandError } from '../../../../wire/errors.ts';
import { containerTag } from '../../../logs/cursor.ts';
import type { Container } from '../../../pods/model.ts';
import type { LogChunk, LogOptions, LogsRole } from '../../roles.ts';
import { type Engine, enginePath } from '../engine.ts';
import { engineStatus, isEngineAway, type StatusMeaning, translateEngineError } from '../engine-error.ts';
import { ChunkBuilder } from './chunk-builder.ts';
import { decodeCursor, type Places, startPlaces } from './cursor.ts';
import type { EntryParser, EntrySink, StreamIndex } from './entry-sink.ts';
import { FrameParser } from './frame-parser.ts';
import { beginning, compareTimes, type LogTime, sinceParameter, timeOfDate } from './log-time.ts';
import { findTail, type TailStart } from './tail.ts';
import { TtyParser } from './tty-parser.ts';

const backoffMs = { first: 100, longest: 5_000 };
const meaning: StatusMeaning = {
  404: ['LOGS_UNAVAILABLE', 'the container engine has removed this container and its log'],
  409: ['LOGS_UNAVAILABLE', 'the container engine is removing this container and its log'],
  501: ['LOGS_UNAVAILABLE', 'the log driver of this container does not let its output be read'],
};

interface Query {
  readonly since: LogTime;
  readonly tail?: number;
  readonly follow?: boolean;
}

/**
 * The engine's log of a container: one per runtime id, so that attempts which docker itself restarts share it. The
 * engine is always asked for its time stamps: they are what a cursor is made of.
 */
export class DockerLogs implements LogsRole {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async *read(container: Container, options: LogOptions, signal: AbortSignal): AsyncGenerator<LogChunk> {
    const reading = new Reading(this.#engine, container, options, signal);
    try {
      yield* reading.chunks();
    } catch (error) {
      signal.throwIfAborted();
      throw translateEngineError(error, meaning);
    }
  }
}

/** One call of `read`. */
class Reading {
  readonly #engine: Engine;
  readonly #id: string;
  readonly #options: LogOptions;
  readonly #signal: AbortSignal;
  readonly #tag: Buffer;
  readonly #wanted: ReadonlySet<StreamIndex>;
  #tty = false;
  #places: Places = startPlaces;
  #skipLines = 0;

  constructor(engine: Engine, container: Container, options: LogOptions, signal: AbortSignal) {
    this.#engine = engine;
    this.#id = container.id;
    this.#options = options;
    this.#signal = signal;
    this.#tag = containerTag(container);
    this.#wanted = new Set<StreamIndex>(
      options.stream === undefined ? [0, 1] : options.stream === 'stdout' ? [0] : [1],
    );
  }

  async *chunks(): AsyncGenerator<LogChunk> {
    if (this.#options.cursor !== undefined) this.#places = decodeCursor(this.#tag, this.#options.cursor);
    const first = await this.#engine.inspect(this.#id, this.#signal);
    if (first === undefined) throw new PodhandError('LOGS_UNAVAILABLE', meaning[404]?.[1] ?? '');
    if (first.HostConfig.LogConfig?.Type === 'none')
      throw new PodhandError('LOGS_UNAVAILABLE', meaning[501]?.[1] ?? '');
    if (first.State.Status === 'created' && first.State.ExitCode === 0) {
      throw new PodhandError('CONTAINER_NOT_STARTED', 'the container has not started: it has no output yet');
    }
    this.#tty = first.Config.Tty;
    // A container with a TTY has stdout only; the engine would give it whatever it is asked for.
    if (this.#tty && !this.#wanted.has(0)) return;
    await this.#findStart();
    yield* this.#untilEnd(first.State.StartedAt);
  }

  async #findStart(): Promise<void> {
    const { cursor, since, tailLines } = this.#options;
    if (cursor !== undefined) return;
    const from = since === undefined ? beginning : timeOfDate(since);
    const start: TailStart =
      tailLines === undefined
        ? { since: from, skipLines: 0 }
        : tailLines === 0
          ? { since: later(from, timeOfDate(new Date())), skipLines: 0 }
          : await findTail((sink, query) => this.#readThrough(sink, query), this.#wanted, tailLines, from);
    const place = { since: start.since, exact: true, count: 0, offset: 0 };
    this.#places = [place, place];
    this.#skipLines = start.skipLines;
  }

  /**
   * A followed log goes on over restarts of the engine; it ends when the engine shows that the container has ended, and
   * what the engine left out at the end has been read.
   */
  async *#untilEnd(startedAt: string): AsyncGenerator<LogChunk> {
    let failures = 0;
    let opened = false;
    for (let follow = this.#options.follow; ; ) {
      try {
        for await (const chunk of this.#once(follow, () => (opened = true))) {
          failures = 0;
          yield chunk;
        }
        if (!follow) return;
        const state = (await this.#engine.inspect(this.#id, this.#signal))?.State;
        if (state === undefined) throw removed();
        // The engine closes a followed log when it sees the exit, which can be before it has sent the last lines.
        if (!state.Running || state.Restarting || state.StartedAt !== startedAt) follow = false;
        else await this.#pause(failures++);
      } catch (error) {
        if (this.#signal.aborted || !opened) throw error;
        const status = engineStatus(error);
        if (status === 404 || status === 409) throw removed();
        if (!isEngineAway(error)) throw error;
        await this.#pause(failures++);
      }
    }
  }

  async #pause(failures: number): Promise<void> {
    const longest = Math.min(backoffMs.longest, backoffMs.first * 2 ** Math.min(failures, 16));
    await sleep(longest * (0.5 + Math.random() / 2), undefined, { signal: this.#signal });
  }

  /** One answer of the engine from the present place on; however it ends, the place is after what was given. */
  async *#once(follow: boolean, opened: () => void): AsyncGenerator<LogChunk> {
    const builder = new ChunkBuilder({
      tag: this.#tag,
      keepStamps: this.#options.timestamps,
      from: this.#places,
      skipLines: this.#skipLines,
    });
    const since = [...this.#wanted].map((stream) => this.#places[stream].since).reduce(earlier);
    const stream = await this.#open({ since, follow });
    opened();
    try {
      const parser = this.#parser(builder);
      for (let batch = await stream.readLingering(); batch !== undefined; batch = await stream.readLingering()) {
        for (const data of batch) parser.push(data);
        yield* this.#taken(builder);
      }
      parser.finish();
      yield* this.#taken(builder);
      if (!follow) builder.checkWhole(this.#wanted);
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

  async #readThrough(sink: EntrySink, query: Query): Promise<EntryParser> {
    const parser = this.#parser(sink);
    const stream = await this.#open(query);
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

  #parser(sink: EntrySink): EntryParser {
    return this.#tty ? new TtyParser(sink) : new FrameParser(sink);
  }

  /** To find the tail, both streams are asked for: the engine counts both. */
  #open(query: Query) {
    const both = query.tail !== undefined;
    const path = enginePath(`/containers/${this.#id}/logs`, {
      stdout: both || this.#wanted.has(0) ? 1 : 0,
      stderr: both || this.#wanted.has(1) ? 1 : 0,
      timestamps: 1,
      follow: query.follow === true ? 1 : 0,
      since: sinceParameter(query.since),
      tail: query.tail,
    });
    return this.#engine.stream(path, this.#signal);
  }
}

function removed(): PodhandError {
  return new PodhandError('LOG_LOST', 'the container was removed while its log was read: the end may be missing');
}

function earlier(a: LogTime, b: LogTime): LogTime {
  return compareTimes(a, b) <= 0 ? a : b;
}

function later(a: LogTime, b: LogTime): LogTime {
  return compareTimes(a, b) >= 0 ? a : b;
}
