import { setTimeout as sleep } from 'node:timers/promises';
import { PodhandError } from '../wire/errors.ts';
import { status } from '../wire/status.ts';
import type { Attempt } from './attempt.ts';
import type { Connection } from './connection.ts';
import { toPodhandError } from './failure.ts';

const firstPauseMs = 50;
const longestPauseMs = 2000;
/** A call that held for this long had a connection, even if nothing was said on it; a dead connect takes 20 s. */
const connectedAfterMs = 30_000;

export interface RetryOptions<Message = never> {
  readonly connection: Connection;
  /** For how long an unreachable agent is called again, from its first failure; milliseconds. */
  readonly retryFor: number;
  readonly signal: AbortSignal | undefined;
  readonly deadline: Date | undefined;
  /** Whether the call may be made again after what was delivered; always, if absent. */
  readonly mayRepeat?: (() => boolean) | undefined;
  /** Whether that is what a call ends with: once it is delivered nothing is wanted any more, a status included. */
  readonly isLast?: ((message: Message) => boolean) | undefined;
  /** Told once for each outage, at its first failure. */
  readonly onOutage?: ((error: PodhandError) => void) | undefined;
}

/**
 * The one retry loop. Makes the attempt again while the agent is away or turns calls down for now (UNAVAILABLE,
 * TOO_MANY_CALLS), with pauses of 50 ms to 2 s, until `retryFor` has passed since the outage began; any answer of the
 * agent ends the outage. Every other failure is final. Throws PodhandErrors only.
 */
export async function* retrying<Message>(
  makeAttempt: (attempt: Attempt) => AsyncIterable<Message>,
  options: RetryOptions<Message>,
): AsyncGenerator<Message, void, undefined> {
  const { connection, signal, deadline, isLast } = options;
  const outage = new Outage(options);
  const onAnswer = (): void => outage.end();
  for (;;) {
    const begun = performance.now();
    const { generation } = connection;
    let isComplete = false;
    try {
      for await (const message of makeAttempt({ connection, signal, deadline, onAnswer })) {
        onAnswer();
        isComplete = isLast?.(message) === true;
        yield message;
      }
      return;
    } catch (thrown) {
      const error = toPodhandError(thrown, signal);
      if (!isPassing(error)) throw error;
      // The agent went after its last word and before the status.
      if (isComplete) return;
      if (options.mayRepeat?.() === false) throw interrupted(error);
      const pauseMs = outage.failed(error, begun);
      if (error.reason !== 'TOO_MANY_CALLS') connection.renew(generation);
      await pause(pauseMs, signal, deadline);
    }
  }
}

type OutageOptions = Pick<RetryOptions, 'connection' | 'onOutage' | 'retryFor'>;

class Outage {
  readonly #options: OutageOptions;
  /** By a clock that nobody sets, and for people. */
  #since: { readonly at: number; readonly date: Date } | undefined;
  #pauseMs = firstPauseMs;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  end(): void {
    this.#since = undefined;
    this.#pauseMs = firstPauseMs;
  }

  /** How long to pause before the next attempt; throws when the outage has lasted too long. */
  failed(error: PodhandError, begun: number): number {
    const { connection, onOutage, retryFor } = this.#options;
    const now = performance.now();
    if (now - begun > connectedAfterMs) this.end();
    if (this.#since === undefined) onOutage?.(error);
    this.#since ??= { at: now, date: new Date() };
    const pauseMs = Math.max(jitter(this.#pauseMs), Number(error.details.retryAfterMs ?? 0));
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
    if (now + pauseMs > this.#since.at + retryFor) throw givenUp(error, connection.name, this.#since.date);
    return pauseMs;
  }
}

function isPassing(error: PodhandError): boolean {
  return error.code === status.UNAVAILABLE || error.reason === 'TOO_MANY_CALLS';
}

function interrupted(error: PodhandError): PodhandError {
  const message = `the connection to the agent was lost in the middle of the transfer (${error.message}); start it again`;
  return new PodhandError(error.reason, message, { details: { ...error.details }, cause: error });
}

function givenUp(error: PodhandError, name: string, since: Date): PodhandError {
  // The agent answered and says what is away behind it: that is the message.
  if (error.reason !== 'AGENT_UNREACHABLE' && error.reason !== 'AGENT_STOPPING') return error;
  const message = `agent unreachable at ${name} since ${since.toISOString()}`;
  return new PodhandError('AGENT_UNREACHABLE', message, { cause: error });
}

function jitter(ms: number): number {
  return ms * (0.8 + Math.random() * 0.4);
}

async function pause(ms: number, signal: AbortSignal | undefined, deadline: Date | undefined): Promise<void> {
  const left = deadline === undefined ? Number.POSITIVE_INFINITY : deadline.getTime() - Date.now();
  try {
    await sleep(Math.min(ms, Math.max(left, 0)), undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw new PodhandError('CANCELLED', 'the call was cancelled', { cause });
  }
  if (left <= ms) throw new PodhandError('DEADLINE_EXCEEDED', 'the deadline passed while the agent was unreachable');
}
