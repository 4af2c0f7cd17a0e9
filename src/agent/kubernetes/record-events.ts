import type { Logger } from 'pino';
import { isAbort } from '../../wire/errors.ts';
import { Backoff } from '../backoff.ts';
import type { FinalRecord } from '../records/final-record.ts';
import type { KubernetesEndpoint } from './endpoint.ts';
import { eventOf } from './record-event.ts';
import { isServerAway, statusOf } from './status-error.ts';

/** Events that wait while the API server is away; older ones give way. */
const maxWaiting = 1000;
const withinMs = 10_000;

interface Options {
  readonly endpoint: Pick<KubernetesEndpoint, 'create'>;
  readonly nodeName: string;
  readonly log: Logger;
}

/**
 * Tells the API server of final records, one after the other. While it is away they wait; what it refuses is logged and
 * dropped. The record itself never waits for it.
 */
export class RecordEvents {
  readonly #options: Options;
  readonly #signal: AbortSignal;
  readonly #waiting: FinalRecord[] = [];
  #sending = false;

  /** Goes on until `signal` aborts; what waits then is dropped. */
  constructor(options: Options, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  tell(record: FinalRecord): void {
    this.#waiting.push(record);
    if (this.#waiting.length > maxWaiting) this.#drop(this.#waiting.shift(), 'too many wait');
    if (!this.#sending) void this.#send();
  }

  async #send(): Promise<void> {
    const backoff = new Backoff({ firstMs: 200, longestMs: 30_000 });
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
    const { endpoint, nodeName } = this.#options;
    const path = `/api/v1/namespaces/${encodeURIComponent(record.namespace)}/events`;
    try {
      await endpoint.create(path, eventOf(record, nodeName), { withinMs }, this.#signal);
    } catch (error) {
      if (this.#signal.aborted) throw this.#signal.reason;
      // A time-out says nothing of whether it was created; its name does, the next time.
      if (isServerAway(error) || isAbort(error)) return false;
      if (statusOf(error) !== 409) this.#drop(record, error);
    }
    return true;
  }

  #drop(record: FinalRecord | undefined, why: unknown): void {
    const { podName: pod, container } = record ?? {};
    this.#options.log.warn({ pod, container, err: why }, 'no event of a final record');
  }
}
