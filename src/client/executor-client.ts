import { PodhandError } from '../wire/errors.ts';
import type { HealthCheckResponse__Output } from '../wire/generated/grpc/health/v1/HealthCheckResponse.ts';
import type { CollectArtifactResponse__Output } from '../wire/generated/podhand/v1/CollectArtifactResponse.ts';
import type { ExecutorServiceDefinition } from '../wire/generated/podhand/v1/ExecutorService.ts';
import type { GetInfoResponse__Output } from '../wire/generated/podhand/v1/GetInfoResponse.ts';
import type { KillRequest as WireKill } from '../wire/generated/podhand/v1/KillRequest.ts';
import type { KillResponse__Output } from '../wire/generated/podhand/v1/KillResponse.ts';
import type { ListContainersResponse__Output } from '../wire/generated/podhand/v1/ListContainersResponse.ts';
import type { ReadFileResponse__Output } from '../wire/generated/podhand/v1/ReadFileResponse.ts';
import type { ResolveEntrypointResponse__Output } from '../wire/generated/podhand/v1/ResolveEntrypointResponse.ts';
import type { SaveArtifactResponse__Output } from '../wire/generated/podhand/v1/SaveArtifactResponse.ts';
import type { StreamLogsResponse__Output } from '../wire/generated/podhand/v1/StreamLogsResponse.ts';
import type { WaitResponse__Output } from '../wire/generated/podhand/v1/WaitResponse.ts';
import type { WatchStatsResponse__Output } from '../wire/generated/podhand/v1/WatchStatsResponse.ts';
import { loadExecutorService, loadHealthService } from '../wire/load.ts';
import { type Attempt, streamAttempt, unaryAttempt } from './attempt.ts';
import { type Address, Connection } from './connection.ts';
import { LogProgress } from './log-progress.ts';
import * as requests from './requests.ts';
import { type RetryOptions, retrying } from './retry.ts';
import { distinctChanges } from './wait-changes.ts';

export interface ExecutorClientOptions extends Address {
  /** For how long an unreachable agent is called again before AGENT_UNREACHABLE; milliseconds, 60,000 if absent. */
  readonly retryFor?: number;
  /** Told at the first failure of each outage, while the client goes on trying. */
  readonly onOutage?: (error: PodhandError) => void;
}

export interface CallOptions {
  /** Ends the call with CANCELLED. */
  readonly signal?: AbortSignal;
  /** Ends the call, with all its retries, with DEADLINE_EXCEEDED. */
  readonly deadline?: Date;
}

/** Iterate it with `for await`; leaving the loop cancels the call. */
export type Stream<Message> = AsyncGenerator<Message, void, undefined>;

/**
 * The agent, as a container of a pod sees it. Every method rejects with a PodhandError only: the reason that the agent
 * gave, AGENT_UNREACHABLE, DEADLINE_EXCEEDED or CANCELLED. A restart of the agent is survived inside; each method says
 * how. Streams are read at the consumer's pace.
 */
export class ExecutorClient {
  readonly #connection: Connection;
  readonly #methods: ExecutorServiceDefinition;
  readonly #retryFor: number;
  readonly #onOutage: ((error: PodhandError) => void) | undefined;

  /** Connects at the first call. */
  constructor(options: ExecutorClientOptions) {
    this.#connection = new Connection(options);
    this.#methods = loadExecutorService().definition;
    this.#retryFor = options.retryFor ?? 60_000;
    this.#onOutage = options.onOutage;
  }

  getInfo(options?: CallOptions): Promise<GetInfoResponse__Output> {
    return only(this.#call((attempt) => unaryAttempt(this.#methods.GetInfo, {}, attempt), options));
  }

  listContainers(options?: CallOptions): Promise<ListContainersResponse__Output> {
    return only(this.#call((attempt) => unaryAttempt(this.#methods.ListContainers, {}, attempt), options));
  }

  /** Made again after a restart; a state that was already delivered is not delivered twice. Over with its result. */
  wait(request: requests.WaitRequest = {}, options?: CallOptions): Stream<WaitResponse__Output> {
    const { containers = [], except = [], untilKnown = false } = request;
    const message = { containers: [...containers], except: [...except], untilKnown };
    const attempt = (given: Attempt) => streamAttempt(this.#methods.Wait, message, given);
    return distinctChanges(this.#call(attempt, options, { isLast: ({ event }) => event === 'result' }));
  }

  /** Made again after a restart, but with `once` only if the agent had not been reached: a signal is not sent twice. */
  kill(request: requests.KillRequest, options?: CallOptions): Promise<KillResponse__Output> {
    const message = requests.killMessage(request);
    let sent = false;
    const attempt = (given: Attempt) =>
      this.#kill(message, given, () => {
        sent = true;
      });
    return only(this.#call(attempt, options, { mayRepeat: () => request.once !== true || !sent }));
  }

  /** Goes on after a restart where it was: the last cursor is kept. `end` counts the bytes that were delivered here. */
  streamLogs(request: requests.StreamLogsRequest, options?: CallOptions): Stream<StreamLogsResponse__Output> {
    const progress = new LogProgress(request);
    const attempt = (given: Attempt) => streamAttempt(this.#methods.StreamLogs, progress.message(), given);
    return progress.track(this.#call(attempt, options, { isLast: ({ event }) => event === 'end' }));
  }

  /** Made again after a restart only while nothing has been delivered. */
  readFile(request: requests.ReadFileRequest, options?: CallOptions): Stream<ReadFileResponse__Output> {
    const message = requests.readFileMessage(request);
    return this.#callWhole((attempt) => streamAttempt(this.#methods.ReadFile, message, attempt), options);
  }

  /** Made again after a restart only while nothing has been delivered. Without the trailer it is not complete. */
  collectArtifact(
    request: requests.CollectArtifactRequest,
    options?: CallOptions,
  ): Stream<CollectArtifactResponse__Output> {
    const message = requests.collectMessage(request);
    const attempt = (given: Attempt) => streamAttempt(this.#methods.CollectArtifact, message, given);
    return this.#callWhole(attempt, options, ({ part }) => part === 'trailer');
  }

  /** Made again from the beginning after a restart. */
  async *saveArtifact(
    request: requests.SaveArtifactRequest,
    options?: CallOptions,
  ): Stream<SaveArtifactResponse__Output> {
    const message = requests.saveMessage(request);
    let begun = false;
    const attempt = (given: Attempt) =>
      // Progress means that the destination was free: what an attempt finds there afterwards is what the one before
      // it had just finished when the connection was lost.
      streamAttempt(this.#methods.SaveArtifact, begun ? { ...message, overwrite: true } : message, given);
    for await (const event of this.#call(attempt, options, { isLast: ({ event }) => event === 'result' })) {
      begun = true;
      yield event;
    }
  }

  resolveEntrypoint(
    request: requests.ResolveEntrypointRequest,
    options?: CallOptions,
  ): Promise<ResolveEntrypointResponse__Output> {
    const { command = [], args = [], ...subject } = request;
    const message = { ...subject, command: [...command], args: [...args] };
    return only(this.#call((attempt) => unaryAttempt(this.#methods.ResolveEntrypoint, message, attempt), options));
  }

  /** Made again after a restart; the first sample after it has no `cpuCores`. */
  watchStats(request: requests.WatchStatsRequest = {}, options?: CallOptions): Stream<WatchStatsResponse__Output> {
    const message = requests.statsMessage(request);
    return this.#call((attempt) => streamAttempt(this.#methods.WatchStats, message, attempt), options);
  }

  /** Whether the agent serves; never made again, since an agent that is away is the answer. Any pod may ask. */
  health(options: CallOptions = {}): Promise<HealthCheckResponse__Output> {
    const { Check } = loadHealthService();
    const { signal, deadline } = options;
    const once = { connection: this.#connection, retryFor: 0, signal, deadline };
    return only(retrying((attempt) => unaryAttempt(Check, { service: '' }, attempt), once));
  }

  /** Ends the connection; calls in progress end by themselves, later ones are CANCELLED. */
  close(): void {
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async *#kill(message: WireKill, attempt: Attempt, onSend: () => void): Stream<KillResponse__Output> {
    if (message.once === true) await attempt.connection.ready(attempt.signal, attempt.deadline);
    onSend();
    yield* unaryAttempt(this.#methods.Kill, message, attempt);
  }

  #call<Message>(
    makeAttempt: (attempt: Attempt) => AsyncIterable<Message>,
    options: CallOptions = {},
    { mayRepeat, isLast }: Pick<RetryOptions<Message>, 'mayRepeat' | 'isLast'> = {},
  ): Stream<Message> {
    return retrying(makeAttempt, {
      connection: this.#connection,
      retryFor: this.#retryFor,
      signal: options.signal,
      deadline: options.deadline,
      onOutage: this.#onOutage,
      isLast,
      mayRepeat,
    });
  }

  async *#callWhole<Message>(
    makeAttempt: (attempt: Attempt) => AsyncIterable<Message>,
    options?: CallOptions,
    isLast?: (message: Message) => boolean,
  ): Stream<Message> {
    let delivered = false;
    for await (const message of this.#call(makeAttempt, options, { mayRepeat: () => !delivered, isLast })) {
      delivered = true;
      yield message;
    }
  }
}

async function only<Message>(stream: AsyncIterable<Message>): Promise<Message> {
  for await (const message of stream) return message;
  throw new PodhandError('INTERNAL', 'the agent answered nothing');
}
