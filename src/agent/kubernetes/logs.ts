import { PodhandError } from '../../wire/errors.ts';
import { Backoff } from '../backoff.ts';
import type { LogChunk, LogOptions, LogsRole } from '../executors/roles.ts';
import type { ResponseStream } from '../http/response-stream.ts';
import { containerTag } from '../logs/cursor.ts';
import { decodeCursor } from '../logs/stamped/cursor.ts';
import type { EntryParser, EntrySink, StreamIndex } from '../logs/stamped/entry-sink.ts';
import { isoOfTime } from '../logs/stamped/log-time.ts';
import { type LogQuery, type StampedLog, StampedReading } from '../logs/stamped/reading.ts';
import { type Container, hasEnded } from '../pods/model.ts';
import type { KubernetesEndpoint } from './endpoint.ts';
import type { ContainerPaths, NodePods } from './node-pods.ts';
import { StampedLineParser } from './stamped-line-parser.ts';
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
  readonly #parts: Parts;
  readonly #container: Container;
  readonly #signal: AbortSignal;

  constructor(parts: Parts, container: Container, signal: AbortSignal) {
    this.tag = containerTag(container);
    this.#parts = parts;
    this.#container = container;
    this.#signal = signal;
  }

  parser(sink: EntrySink): EntryParser {
    return new StampedLineParser(sink);
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

  async goesOn(): Promise<boolean> {
    const { pods } = this.#parts;
    const now = pods.store?.byId(this.#container.podUid, this.#container.id);
    if (now === undefined) throw removed();
    // Its end is a moment away where the server has seen it already.
    if (!hasEnded(now)) pods.hasten();
    return !hasEnded(now);
  }

  fatal(error: unknown): unknown {
    const status = statusOf(error);
    if (status === 400 || status === 404) return removed();
    return isServerAway(error) ? undefined : error;
  }

  /** The API knows the present attempt by name, and the one before it. */
  #isPrevious(): boolean {
    const { podUid, name, restartCount } = this.#container;
    const newest = this.#parts.pods.store?.container(podUid, name);
    const behind = (newest?.restartCount ?? restartCount) - restartCount;
    if (behind > 1) throw new PodhandError('LOGS_UNAVAILABLE', noLog);
    return behind === 1 && newest?.id !== '';
  }
}

function removed(): PodhandError {
  return new PodhandError('LOG_LOST', 'the container was removed while its log was read: the end may be missing');
}
