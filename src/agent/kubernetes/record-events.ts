import type { Logger } from 'pino';
import { isAbort } from '../../wire/errors.ts';
import { Backoff } from '../backoff.ts';
import type { EventResult } from '../metrics/record-metrics.ts';
import type { FinalRecord } from '../records/final-record.ts';
import type { KubernetesEndpoint } from './endpoint.ts';
import { eventOf } from './record-event.ts';
import { isServerAway, statusOf } from './status-error.ts';

/** Events that wait while the API server is away; older ones give way. */
const maxWaiting = 1000;
const withinMs = 10_000;
const pauses = { firstMs: 200, longestMs: 15_000 };
/** An API server that has just started refuses what it allows, until it has read its rules. */
const settlesWithinMs = 60_000;

interface Options {
  readonly endpoint: Pick<KubernetesEndpoint, 'create'>;
  readonly nodeName: string;
  readonly log: Logger;
  /** Told what became of each. */
  readonly metrics: { event(result: EventResult): void };
}

/**
 * Tells the API server of final records, one after the other. While it is away they wait; what it refuses is counted and
 * dropped, and logged until it says the same again. The record itself never waits for it.
 */
export class RecordEvents {
  readonly #options: Options;
  readonly #signal: AbortSignal;
  readonly #waiting: FinalRecord[] = [];
  #sending = false;
  /** Why the last one was dropped, while every one is: the right is missing, and a line per container says no more. */
  #dropping: string | undefined;
  /** When the API server was found away the last time. */
  #awayAt = Number.NEGATIVE_INFINITY;

  /** Goes on until `signal` aborts; what waits then is dropped. */
  constructor(options: Options, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  tell(record: FinalRecord): void {
    this.#waiting.push(record);
    if (this.#waiting.length > maxWaiting) this.#drop(this.#waiting.shift(), 'overflow', 'too many wait');
    if (!this.#sending) void this.#send();
  }

  async #send(): Promise<void> {
    const backoff = new Backoff(pauses);
    this.#sending = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        if (await this.#create(next)) {
          backoff.reset();
          continue;
        }
        this.#waiting.unshift(next);
        await backoff.pause(this.#signal);
      }
    } catch (error) {
      // The agent stops.
      if (!isAbort(error)) throw error;
    } finally {
      this.#sending = false;
    }
  }

  /** False where it is to be tried again. */
  async #create(record: FinalRecord): Promise<boolean> {
    const { endpoint, nodeName, metrics } = this.#options;
    const path = `/api/v1/namespaces/${encodeURIComponent(record.namespace)}/events`;
    try {
      await endpoint.create(path, eventOf(record, nodeName), { withinMs }, this.#signal);
    } catch (error) {
      if (this.#signal.aborted) throw this.#signal.reason;
      // A time-out says nothing of whether it was created; its name does, the next time.
      if (isServerAway(error) || isAbort(error)) {
        this.#awayAt = performance.now();
        return false;
      }
      if (statusOf(error) === 403 && performance.now() - this.#awayAt < settlesWithinMs) return false;
      if (statusOf(error) !== 409) {
        this.#drop(record, 'refused', error);
        return true;
      }
    }
    metrics.event('created');
    this.#dropping = undefined;
    return true;
  }

  #drop(record: FinalRecord | undefined, result: EventResult, why: unknown): void {
    const { podName: pod, container } = record ?? {};
    const { log, metrics } = this.#options;
    metrics.event(result);
    const cause = `${result} ${statusOf(why) ?? ''}`;
    if (cause === this.#dropping) return;
    this.#dropping = cause;
    log.warn({ pod, container, err: why }, 'no event of a final record; the next ones of this kind are only counted');
  }
}
