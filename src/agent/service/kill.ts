import { PodhandError } from '../../wire/errors.ts';
import type { KillOutcome } from '../../wire/generated/podhand/v1/KillOutcome.ts';
import type { KillRequest__Output } from '../../wire/generated/podhand/v1/KillRequest.ts';
import type { KillResponse } from '../../wire/generated/podhand/v1/KillResponse.ts';
import type { CallContext } from '../connection/caller.ts';
import type { SignalRole } from '../executors/roles.ts';
import { escalate } from '../kill/escalate.ts';
import { nameOfSignal, parseSignal, type SignalName, signalNumbers } from '../kill/signals.ts';
import { type Container, hasEnded } from '../pods/model.ts';
import { isRefusal } from './audited.ts';
import { callerContainer, containerNamed, roleOf, type ServiceDependencies } from './dependencies.ts';
import { duration, millisecondsOf, recordMessage } from './messages.ts';

const defaultGraceMs = 30_000;
const maxGraceMs = 3_600_000;

const results = {
  'already-gone': 'KILL_RESULT_ALREADY_GONE',
  'ended-in-time': 'KILL_RESULT_ENDED_IN_TIME',
  forced: 'KILL_RESULT_FORCED',
} as const;

export async function kill(
  dependencies: ServiceDependencies,
  context: CallContext,
  request: KillRequest__Output,
): Promise<KillResponse> {
  const names = [...new Set(request.containers)];
  if (names.length === 0) throw new PodhandError('INVALID_REQUEST', 'name at least one container to signal');
  const own = callerContainer(dependencies, context);
  if (names.length > 1 && own !== undefined && names.includes(own)) {
    throw new PodhandError(
      'INVALID_REQUEST',
      `the calling container "${own}" can be signalled only alone: nobody would read the answer`,
    );
  }
  const name = parseSignal(request.signal || 'TERM');
  const graceMs = graceOf(request);
  const signals = noted(roleOf(dependencies, context, 'signal'), context);
  const containers = names.map((each) => containerNamed(dependencies, context, each));
  context.facts.container = names.join(',').slice(0, 253);
  const one = async (container: Container) => {
    try {
      const outcome = request.once
        ? await signalOnce(dependencies, context, signals, container, name)
        : await stop(dependencies, context, signals, container, name, graceMs);
      context.audit?.note(container.name, { outcome: 'OK', code: 0, result: outcome.result });
      return outcome;
    } catch (error) {
      if (error instanceof PodhandError)
        context.audit?.note(container.name, { outcome: error.reason, code: error.code });
      throw error;
    }
  };
  // One that cannot be stopped keeps none of the others from being stopped.
  const settled = await Promise.allSettled(containers.map(one));
  return {
    outcomes: settled.map((each) => {
      if (each.status === 'rejected') throw each.reason;
      return each.value;
    }),
  };
}

async function stop(
  dependencies: ServiceDependencies,
  context: CallContext,
  signals: SignalRole,
  container: Container,
  first: SignalName,
  graceMs: number,
): Promise<KillOutcome> {
  const options = { store: dependencies.store, signals, first, graceMs };
  const escalation = await escalate(container, options, context.signal);
  const record = await dependencies.recorder.final(context.pod, escalation.container);
  return {
    container: container.name,
    result: results[escalation.result],
    signals: [...escalation.signals],
    took: duration(escalation.tookMs),
    finalRecord: recordMessage(record),
  };
}

async function signalOnce(
  dependencies: ServiceDependencies,
  context: CallContext,
  signals: SignalRole,
  container: Container,
  name: SignalName,
): Promise<KillOutcome> {
  if (container.state === 'waiting') {
    throw new PodhandError(
      'CONTAINER_NOT_STARTED',
      `container "${container.name}" has not started; there is nothing to signal`,
    );
  }
  if (!hasEnded(container) && (await signals.send(container, signalNumbers[name], context.signal)) === 'sent') {
    return { container: container.name, result: 'KILL_RESULT_SIGNALLED', signals: [name] };
  }
  const record = hasEnded(container) ? await dependencies.recorder.final(context.pod, container) : undefined;
  return {
    container: container.name,
    result: 'KILL_RESULT_ALREADY_GONE',
    finalRecord: record === undefined ? null : recordMessage(record),
  };
}

/** Tells the audit log every signal that was sent, also of an escalation that was broken off. */
function noted(signals: SignalRole, { audit }: CallContext): SignalRole {
  if (audit === undefined) return signals;
  const sent = new Map<string, number[]>();
  return {
    ...(signals.withoutKill !== undefined && { withoutKill: signals.withoutKill }),
    send: async (container, number, signal) => {
      const nothingDone = audit.begun(container.name);
      try {
        const outcome = await signals.send(container, number, signal);
        if (outcome === 'sent') {
          const numbers = [...(sent.get(container.name) ?? []), number];
          sent.set(container.name, numbers);
          audit.note(container.name, { signals: numbers.map(nameOfSignal) });
        }
        return outcome;
      } catch (error) {
        if (isRefusal(error)) nothingDone();
        throw error;
      }
    },
  };
}

function graceOf(request: KillRequest__Output): number {
  const graceMs = millisecondsOf(request.gracePeriod) ?? defaultGraceMs;
  if (graceMs >= 0 && graceMs <= maxGraceMs) return graceMs;
  throw new PodhandError('INVALID_REQUEST', 'grace_period must be between 0 and 1 hour');
}
