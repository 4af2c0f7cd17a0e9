import { PodhandError } from '../../wire/errors.ts';
import type { WaitRequest__Output } from '../../wire/generated/podhand/v1/WaitRequest.ts';
import type { WaitResponse } from '../../wire/generated/podhand/v1/WaitResponse.ts';
import type { CallContext } from '../connection/caller.ts';
import { PodChanges } from '../pods/changes.ts';
import { type Container, hasEnded } from '../pods/model.ts';
import { callerContainer, containerNotFound, requireName, type ServiceDependencies } from './dependencies.ts';
import { containerMessage, recordMessage } from './messages.ts';

const maxNames = 1000;

export async function* wait(
  dependencies: ServiceDependencies,
  context: CallContext,
  request: WaitRequest__Output,
): AsyncGenerator<WaitResponse> {
  checkNames(request);
  const { openWaits, recorder, store } = dependencies;
  const changes = new PodChanges(store, context.pod.uid, context.signal);
  const told = new Map<string, string>();
  openWaits.count += 1;
  try {
    for (;;) {
      if (changes.podRemoved) throw new PodhandError('POD_NOT_FOUND', 'the pod has left the node');
      const awaited = targets(dependencies, context, request);
      for (const container of awaited) {
        const state = `${container.id} ${container.restartCount} ${container.state}`;
        if (told.get(container.name) === state) continue;
        told.set(container.name, state);
        const record = hasEnded(container) ? await recorder.final(context.pod, container) : undefined;
        yield { changed: containerMessage(container, record) };
      }
      // The store may have gone on while the caller was slow to read: only an unchanged view is final.
      const now = targets(dependencies, context, request);
      if (isComplete(request, now) && sameAttempts(now, awaited)) {
        const records = await Promise.all(now.map((container) => recorder.final(context.pod, container)));
        yield { result: { records: records.map(recordMessage) } };
        return;
      }
      await changes.next();
    }
  } finally {
    openWaits.count -= 1;
  }
}

function targets(dependencies: ServiceDependencies, context: CallContext, request: WaitRequest__Output): Container[] {
  const known = dependencies.store.containers(context.pod.uid);
  if (request.containers.length === 0) {
    if (context.caller.kind === 'pod' && context.caller.process === undefined && request.except.length === 0) {
      throw new PodhandError(
        'INVALID_REQUEST',
        'name the containers to wait for, or yours in except: this agent does not see who calls, and would wait for it too',
      );
    }
    const own = callerContainer(dependencies, context);
    const except = new Set([...request.except, ...(own === undefined ? [] : [own])]);
    const awaited = known.filter((container) => container.kind !== 'sidecar' && !except.has(container.name));
    if (awaited.length > 0 || request.untilKnown) return awaited;
    throw new PodhandError(
      'CONTAINER_NOT_FOUND',
      'this pod has no container to wait for; until_known waits for the first one',
    );
  }
  return [...new Set(request.containers)].flatMap((name) => {
    const container = known.find((candidate) => candidate.name === name);
    if (container !== undefined) return [container];
    if (request.untilKnown) return [];
    throw containerNotFound(name);
  });
}

function isComplete(request: WaitRequest__Output, awaited: readonly Container[]): boolean {
  const all =
    request.containers.length === 0 ? awaited.length > 0 : awaited.length === new Set(request.containers).size;
  return all && awaited.every(hasEnded);
}

function sameAttempts(a: readonly Container[], b: readonly Container[]): boolean {
  return a.length === b.length && a.every((container, at) => container === b[at]);
}

function checkNames(request: WaitRequest__Output): void {
  for (const name of [...request.containers, ...request.except]) requireName(name);
  if (request.containers.length + request.except.length > maxNames) {
    throw new PodhandError('INVALID_REQUEST', `at most ${maxNames} names can be given`);
  }
  if (request.containers.length > 0 && request.except.length > 0) {
    throw new PodhandError('INVALID_REQUEST', 'except has a meaning only where containers is empty');
  }
}
