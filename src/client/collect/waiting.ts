import { PodhandError } from '../../wire/errors.ts';
import type { Container__Output } from '../../wire/generated/podhand/v1/Container.ts';
import type { FinalRecord__Output } from '../../wire/generated/podhand/v1/FinalRecord.ts';
import { changeText } from '../output/records.ts';
import type { CollectContext, Ended } from './context.ts';
import type { CollectSpec } from './spec.ts';

/** How waiting came to its end. */
export interface Waited extends Ended {
  readonly records: readonly FinalRecord__Output[];
  /** Containers that had not ended when waiting was stopped. */
  readonly unfinished: readonly string[];
  readonly stoppedBy?: 'interruption' | 'deadline';
}

/** Waits until the containers have ended, or until `stop` or the spec's deadline; then answers how they stand. */
export async function waitForContainers(context: CollectContext, spec: CollectSpec): Promise<Waited> {
  const { client, call, stop } = context;
  const overdue = spec.deadline === undefined ? [] : [AbortSignal.timeout(spec.deadline)];
  const signal = AbortSignal.any([stop, ...overdue, ...(call.signal === undefined ? [] : [call.signal])]);
  const seen = new Map<string, Container__Output>();
  const { containers, sidecars } = spec;
  const request = { containers, except: containers.length === 0 ? sidecars : [], untilKnown: true };
  try {
    for await (const { changed, result } of client.wait(request, { ...call, signal })) {
      if (changed) {
        seen.set(changed.name, changed);
        context.note(changeText(changed));
      }
      if (result) return waited(result.records, []);
    }
  } catch (error) {
    if (!signal.aborted || call.signal?.aborted === true) throw error;
    const records = [...seen.values()].flatMap(({ finalRecord }) => finalRecord ?? []);
    const names = spec.containers.length > 0 ? spec.containers : [...seen.keys()];
    const unfinished = names.filter((name) => !records.some(({ container }) => container === name));
    return { ...waited(records, unfinished), stoppedBy: stop.aborted ? 'interruption' : 'deadline' };
  }
  throw new PodhandError('INTERNAL', 'the agent ended the wait without records');
}

function waited(records: readonly FinalRecord__Output[], unfinished: readonly string[]): Waited {
  const well = new Set(records.filter(endedWell).map(({ container }) => container));
  return {
    records,
    unfinished,
    allSucceeded: unfinished.length === 0 && well.size === records.length,
    succeeded: (container) => well.has(container),
  };
}

function endedWell({ exitKnown, exitCode, signal }: FinalRecord__Output): boolean {
  return exitKnown && exitCode === 0 && signal === 0;
}
