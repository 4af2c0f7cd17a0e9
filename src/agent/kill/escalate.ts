import { setTimeout as sleep } from 'node:timers/promises';
import { PodhandError } from '../../wire/errors.ts';
import type { SignalRole } from '../executors/roles.ts';
import { attemptEnd } from '../pods/attempt-end.ts';
import { type Container, hasEnded } from '../pods/model.ts';
import type { PodStore } from '../pods/store.ts';
import { type SignalName, signalNumbers } from './signals.ts';

/** How long a container may outlive KILL (uninterruptible sleep, a runtime that is behind) before we say so. */
const confirmWithin = 30_000;

export interface Escalation {
  readonly result: 'already-gone' | 'ended-in-time' | 'forced';
  readonly signals: readonly SignalName[];
  readonly tookMs: number;
  /** The attempt, ended. */
  readonly container: Container;
}

interface Options {
  readonly store: PodStore;
  readonly signals: SignalRole;
  readonly first: SignalName;
  /** Milliseconds between the first signal and KILL; 0 sends KILL at once. */
  readonly graceMs: number;
}

/**
 * Stops one attempt of a container: first signal, grace period, KILL, confirmed gone. The one escalation of podhand.
 * It follows the attempt, not the name: a container that is re-created meanwhile is not signalled.
 * Errors: KILL_UNCONFIRMED, SIGKILL_NOT_OFFERED (it outlived the grace period, and the executor cannot force it; with a
 * grace period of 0 nothing was sent at all), CONTAINER_NOT_STARTED, and those of the signal role. An abort sends nothing further.
 */
export async function escalate(container: Container, options: Options, signal: AbortSignal): Promise<Escalation> {
  const done = new AbortController();
  const ended = attemptEnd(container, options.store, AbortSignal.any([signal, done.signal]));
  // Also awaited below; this keeps an abort before that from counting as unhandled.
  ended.catch(() => undefined);
  const sent: SignalName[] = [];
  const start = performance.now();
  const answer = (result: Escalation['result'], end: Container): Escalation => ({
    result,
    signals: sent,
    tookMs: performance.now() - start,
    container: end,
  });
  const send = async (name: SignalName): Promise<boolean> => {
    const outcome = await options.signals.send(container, signalNumbers[name], signal);
    if (outcome === 'sent') sent.push(name);
    return outcome === 'sent';
  };
  try {
    if (hasEnded(container)) return answer('already-gone', container);
    if (container.state === 'waiting') {
      throw new PodhandError(
        'CONTAINER_NOT_STARTED',
        `container "${container.name}" has not started; there is nothing to signal`,
      );
    }
    if (options.graceMs > 0) {
      if (!(await send(options.first))) return answer('already-gone', await confirmed(container, ended, signal));
      const end = await within(ended, options.graceMs, signal);
      if (end !== undefined) return answer('ended-in-time', end);
    }
    if (options.signals.withoutKill !== undefined) throw notForced(container, sent, options.signals.withoutKill);
    await send('KILL');
    const end = await confirmed(container, ended, signal);
    if (sent.includes('KILL')) return answer('forced', end);
    return answer(sent.length === 0 ? 'already-gone' : 'ended-in-time', end);
  } finally {
    done.abort();
  }
}

function notForced({ name }: Container, sent: readonly SignalName[], why: string): PodhandError {
  const what = sent.length === 0 ? 'was not signalled' : `has not ended after ${sent.join(', ')}`;
  const details = { container: name, signals: sent.join(',') };
  return new PodhandError('SIGKILL_NOT_OFFERED', `container "${name}" ${what}. ${why}`, { details });
}

async function confirmed(container: Container, ended: Promise<Container>, signal: AbortSignal): Promise<Container> {
  const end = await within(ended, confirmWithin, signal);
  if (end !== undefined) return end;
  const message = `container "${container.name}" is still there ${confirmWithin / 1000} s after KILL`;
  throw new PodhandError('KILL_UNCONFIRMED', message);
}

async function within(ended: Promise<Container>, ms: number, signal: AbortSignal): Promise<Container | undefined> {
  const timer = new AbortController();
  try {
    const timeout = sleep(ms, undefined, { signal: AbortSignal.any([signal, timer.signal]) });
    timeout.catch(() => undefined);
    return await Promise.race([ended, timeout]);
  } finally {
    timer.abort();
  }
}
