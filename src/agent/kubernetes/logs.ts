import { PodhandError } from '../../wire/errors.ts';
import { Backoff } from '../backoff.ts';
import type { LogChunk, LogOptions, LogsRole } from '../executors/roles.ts';
import type { ResponseStream } from '../http/response-stream.ts';
import { containerTag } from '../logs/cursor.ts';
import { decodeCursor } from '../logs/stamped/cursor.ts';
import { type EntryParser, type EntrySink, LogComplaint, type StreamIndex } from '../logs/stamped/entry-sink.ts';
import { compareTimes, isoOfTime, type LogTime, timeOfDate } from '../logs/stamped/log-time.ts';
import { type LogQuery, type StampedLog, StampedReading } from '../logs/stamped/reading.ts';
import { UnframedParser } from '../logs/stamped/unframed-parser.ts';
import { PodChanges } from '../pods/changes.ts';
import { type Container, hasEnded } from '../pods/model.ts';
import type { KubernetesEndpoint } from './endpoint.ts';
import { KubeletStamps } from './kubelet-stamps.ts';
import type { ContainerPaths, NodePods } from './node-pods.ts';
import { mayRestart } from './pod-status.ts';
import {
  isServerAway,
  type KubernetesServer,
  type StatusMeaning,
  statusOf,
  translateKubernetesError,
} from './status-error.ts';

export const withoutSplit =
  "Kubernetes' API gives stdout and stderr as one text in the order in which they were written: ask for both, or use docker, pns or emissary";

const noLog = 'the kubelet has no log of this attempt: it keeps those of the present one and of the one before';
const meaning: StatusMeaning = { 400: ['LOGS_UNAVAILABLE', noLog], 404: ['LOGS_UNAVAILABLE', noLog] };

/** How long a pod's status may be behind the log, in milliseconds. */
const endToldWithinMs = 30_000;

interface Parts {
  readonly server: KubernetesServer;
  readonly endpoint: KubernetesEndpoint;
  readonly paths: ContainerPaths;
  readonly pods: NodePods;
}

/** The log that the kubelet reads from the runtime's file, directly or by way of the API server. All of it is stdout. */
export class KubernetesLogs implements LogsRole {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async *read(container: Container, options: LogOptions, signal: AbortSignal): AsyncGenerator<LogChunk> {
    if (options.stream !== undefined) throw new PodhandError('LOG_SPLIT_NOT_OFFERED', withoutSplit);
    const log = new AttemptLog(this.#parts, container, signal);
    if (options.cursor !== undefined) decodeCursor(log.tag, options.cursor);
    try {
      yield* new StampedReading(log, options, new Backoff(), signal).chunks();
    } catch (error) {
      signal.throwIfAborted();
      throw translateKubernetesError(error, this.#parts.server, meaning);
    }
  }
}

class AttemptLog implements StampedLog {
  readonly tag: Buffer;
  readonly wanted: ReadonlySet<StreamIndex> = new Set<StreamIndex>([0]);
  /** Of any runtime. */
  readonly ownTimes = false;
  readonly #parts: Parts;
  readonly #container: Container;
  readonly #signal: AbortSignal;
  /** Since when entries come that are from after the attempt's end; on the monotonic clock. */
  #lateSince: number | undefined;

  constructor(parts: Parts, container: Container, signal: AbortSignal) {
    this.tag = containerTag(container);
    this.#parts = parts;
    this.#container = container;
    this.#signal = signal;
  }

  parser(sink: EntrySink): EntryParser {
    const end = this.#endOfEntries();
    return new UnframedParser(end === undefined ? sink : new AttemptSink(sink, end), new KubeletStamps());
  }

  /**
   * From when on an entry may be the next attempt's; undefined where each one is this attempt's own. The runtime stamps
   * an entry when it has read it: what was left in the pipe, or a last line without a newline, after the exit.
   */
  #endOfEntries(): LogTime | undefined {
    const now = this.#now ?? this.#container;
    const finishedAt = now.exit?.finishedAt;
    const pod = this.#parts.pods.pod(now.podUid);
    if (finishedAt === undefined || (pod !== undefined && !mayRestart(pod, now))) return undefined;
    const isLong = this.#lateSince !== undefined && performance.now() - this.#lateSince > endToldWithinMs;
    if (!isLong) return withinSecond(finishedAt);
    const { startedAt } = this.#isPrevious() ? (this.#newest ?? {}) : {};
    return startedAt === undefined ? undefined : withinSecond(startedAt);
  }

  open({ since, tail, follow }: LogQuery): Promise<ResponseStream> {
    const { endpoint, paths, pods } = this.#parts;
    const { podUid, name } = this.#container;
    const pod = pods.pod(podUid);
    if (pod === undefined) throw removed();
    const { namespace, name: podName } = pod.metadata;
    const place = { namespace, podName, podUid, container: name };
    const query = {
      follow: follow === true,
      previous: this.#isPrevious(),
      tailLines: tail,
      sinceTime: isoOfTime(since),
    };
    return endpoint.stream(paths.log(place, query), this.#signal);
  }

  /**
   * A kubelet ends a followed log when it has seen the container's end. Its status says so some seconds later; until then
   * the log must not be opened again: it might be that of the next attempt.
   */
  async goesOn(serverEnded: boolean): Promise<boolean> {
    const { pods } = this.#parts;
    const { store } = pods;
    if (store === undefined) throw removed();
    const patience = AbortSignal.timeout(endToldWithinMs);
    const changes = new PodChanges(store, this.#container.podUid, AbortSignal.any([this.#signal, patience]));
    for (;;) {
      const now = this.#now;
      if (now === undefined) throw removed();
      if (hasEnded(now)) return false;
      if (!serverEnded) return true;
      pods.hasten();
      try {
        await changes.next();
      } catch (error) {
        if (this.#signal.aborted || !patience.aborted) throw error;
        return true;
      }
    }
  }

  fatal(error: unknown, wasReadable: boolean): unknown {
    const status = statusOf(error);
    if (status === 400 || status === 404) {
      // A kubelet that has just started does not know its pods yet.
      const now = this.#now;
      return now === undefined || hasEnded(now) ? removed() : undefined;
    }
    if (error instanceof LogComplaint)
      return wasReadable || error.hasEntries || this.#mayComeToBe() ? undefined : error.meaning;
    if (error instanceof OtherAttempt) {
      this.#lateSince ??= performance.now();
      this.#parts.pods.hasten();
    }
    return isServerAway(error) || error instanceof OtherAttempt ? undefined : error;
  }

  /** Of what has ended there is nothing where nothing was read, and that stays so. */
  #mayComeToBe(): boolean {
    const now = this.#now;
    return now !== undefined && !hasEnded(now);
  }

  get #now(): Container | undefined {
    return this.#parts.pods.store?.byId(this.#container.podUid, this.#container.id);
  }

  get #newest(): Container | undefined {
    return this.#parts.pods.store?.container(this.#container.podUid, this.#container.name);
  }

  /** The API knows the present attempt by name, and the one before it. */
  #isPrevious(): boolean {
    const { restartCount } = this.#container;
    const newest = this.#newest;
    const behind = (newest?.restartCount ?? restartCount) - restartCount;
    if (behind > 1) throw new PodhandError('LOGS_UNAVAILABLE', noLog);
    return behind === 1 && newest?.id !== '';
  }
}

/** What came may be of the next attempt, which the pod's status does not know yet. */
class OtherAttempt extends Error {
  override readonly name = 'OtherAttempt';
}

/** Lets no entry through that was written after the attempt's end. */
class AttemptSink implements EntrySink {
  readonly #sink: EntrySink;
  readonly #end: LogTime;

  constructor(sink: EntrySink, end: LogTime) {
    this.#sink = sink;
    this.#end = end;
  }

  begin(stream: StreamIndex, time: LogTime, stamp: Buffer, stampAt: number): void {
    if (compareTimes(time, this.#end) >= 0) throw new OtherAttempt('of the next attempt');
    this.#sink.begin(stream, time, stamp, stampAt);
  }

  bytes(data: Buffer, start: number, end: number): void {
    this.#sink.bytes(data, start, end);
  }

  end(): void {
    this.#sink.end();
  }
}

/** Times in a status are whole seconds. */
function withinSecond(time: Date): LogTime {
  return timeOfDate(new Date(time.getTime() + 1000));
}

function removed(): PodhandError {
  return new PodhandError('LOG_LOST', 'the container was removed while its log was read: the end may be missing');
}
