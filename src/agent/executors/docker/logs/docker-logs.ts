import { PodhandError } from '../../../../wire/errors.ts';
import { Backoff } from '../../../backoff.ts';
import type { ResponseStream } from '../../../http/response-stream.ts';
import { containerTag } from '../../../logs/cursor.ts';
import { decodeCursor } from '../../../logs/stamped/cursor.ts';
import type { EntryParser, EntrySink, StreamIndex } from '../../../logs/stamped/entry-sink.ts';
import { sinceParameter } from '../../../logs/stamped/log-time.ts';
import { type LogQuery, type StampedLog, StampedReading } from '../../../logs/stamped/reading.ts';
import { UnframedParser } from '../../../logs/stamped/unframed-parser.ts';
import type { Container } from '../../../pods/model.ts';
import type { LogChunk, LogOptions, LogsRole } from '../../roles.ts';
import { type Engine, enginePath } from '../engine.ts';
import { engineStatus, isEngineAway, type StatusMeaning, translateEngineError } from '../engine-error.ts';
import { FrameParser } from './frame-parser.ts';
import { TtyStamps } from './tty-stamps.ts';

const meaning: StatusMeaning = {
  404: ['LOGS_UNAVAILABLE', 'the container engine has removed this container and its log'],
  409: ['LOGS_UNAVAILABLE', 'the container engine is removing this container and its log'],
  501: ['LOGS_UNAVAILABLE', 'the log driver of this container does not let its output be read'],
};

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
    try {
      const log = await this.#open(container, options, signal);
      if (log !== undefined) yield* new StampedReading(log, options, new Backoff(), signal).chunks();
    } catch (error) {
      signal.throwIfAborted();
      throw translateEngineError(error, meaning);
    }
  }

  /** Undefined where there is nothing to read. */
  async #open(container: Container, options: LogOptions, signal: AbortSignal): Promise<EngineLog | undefined> {
    const tag = containerTag(container);
    if (options.cursor !== undefined) decodeCursor(tag, options.cursor);
    const first = await this.#engine.inspect(container.id, signal);
    if (first === undefined) throw new PodhandError('LOGS_UNAVAILABLE', meaning[404]?.[1] ?? '');
    if (first.HostConfig.LogConfig?.Type === 'none')
      throw new PodhandError('LOGS_UNAVAILABLE', meaning[501]?.[1] ?? '');
    if (first.State.Status === 'created' && first.State.ExitCode === 0) {
      throw new PodhandError('CONTAINER_NOT_STARTED', 'the container has not started: it has no output yet');
    }
    const wanted = new Set<StreamIndex>(
      options.stream === undefined ? [0, 1] : options.stream === 'stdout' ? [0] : [1],
    );
    const tty = first.Config.Tty;
    // A container with a TTY has stdout only; the engine would give it whatever it is asked for.
    if (tty && !wanted.has(0)) return undefined;
    const { StartedAt: startedAt } = first.State;
    // Of other drivers journald has microseconds.
    const ownTimes = ['json-file', 'local'].includes(first.HostConfig.LogConfig?.Type ?? '');
    return new EngineLog(this.#engine, { id: container.id, tag, tty, startedAt, wanted, ownTimes }, signal);
  }
}

interface EngineLogFacts {
  readonly id: string;
  readonly tag: Buffer;
  readonly tty: boolean;
  readonly startedAt: string;
  readonly wanted: ReadonlySet<StreamIndex>;
  readonly ownTimes: boolean;
}

class EngineLog implements StampedLog {
  readonly tag: Buffer;
  readonly wanted: ReadonlySet<StreamIndex>;
  readonly ownTimes: boolean;
  readonly #engine: Engine;
  readonly #facts: EngineLogFacts;
  readonly #signal: AbortSignal;

  constructor(engine: Engine, facts: EngineLogFacts, signal: AbortSignal) {
    this.#engine = engine;
    this.#facts = facts;
    this.#signal = signal;
    this.tag = facts.tag;
    this.wanted = facts.wanted;
    this.ownTimes = facts.ownTimes;
  }

  parser(sink: EntrySink): EntryParser {
    return this.#facts.tty ? new UnframedParser(sink, new TtyStamps()) : new FrameParser(sink);
  }

  /** To find the tail, both streams are asked for: the engine counts both. */
  open(query: LogQuery): Promise<ResponseStream> {
    const both = query.tail !== undefined;
    const path = enginePath(`/containers/${this.#facts.id}/logs`, {
      stdout: both || this.wanted.has(0) ? 1 : 0,
      stderr: both || this.wanted.has(1) ? 1 : 0,
      timestamps: 1,
      follow: query.follow === true ? 1 : 0,
      since: sinceParameter(query.since),
      tail: query.tail,
    });
    return this.#engine.stream(path, this.#signal);
  }

  async goesOn(): Promise<boolean> {
    const state = (await this.#engine.inspect(this.#facts.id, this.#signal))?.State;
    if (state === undefined) throw removed();
    return state.Running && !state.Restarting && state.StartedAt === this.#facts.startedAt;
  }

  fatal(error: unknown): unknown {
    const status = engineStatus(error);
    if (status === 404 || status === 409) return removed();
    return isEngineAway(error) ? undefined : error;
  }
}

function removed(): PodhandError {
  return new PodhandError('LOG_LOST', 'the container was removed while its log was read: the end may be missing');
}
