import { PodhandError } from '../../wire/errors.ts';
import type { AgentConfig } from '../config/schema.ts';
import type { CallContext } from '../connection/caller.ts';
import type { Executor } from '../executors/roles.ts';
import type { CallerRoot, TreeLimits } from '../files/source.ts';
import type { SaveOptions } from '../files/write-place.ts';
import type { Container } from '../pods/model.ts';
import type { PodStore } from '../pods/store.ts';
import type { Recorder } from '../records/recorder.ts';

/** What the service functions work with. One value per agent. */
export interface ServiceDependencies {
  readonly version: string;
  readonly config: AgentConfig;
  readonly store: PodStore;
  readonly recorder: Recorder;
  /** The executor in force for a pod. */
  executorFor(podUid: string): Executor;
  /** Opens the root of the calling process; the caller closes `rootFd`. Errors: NO_CALLER_CONTAINER, CALLER_UNKNOWN. */
  openCallerRoot(context: CallContext): CallerRoot;
  /** What writing into a volume of a pod's caller takes. */
  saving(podUid: string): SaveOptions;
  /** Waits that are open, for the metrics. */
  readonly openWaits: { count: number };
}

/** A role of the executor in force, or ROLE_NOT_OFFERED with the executor's own words. */
export function roleOf<Name extends 'logs' | 'files' | 'signal' | 'entrypoint' | 'stats'>(
  dependencies: ServiceDependencies,
  context: CallContext,
  name: Name,
): NonNullable<Executor[Name]> {
  const executor = dependencies.executorFor(context.pod.uid);
  const role = executor[name];
  if (role !== undefined) return role;
  const note = executor.capabilities.find((capability) => capability.name.split('.')[0] === roleCapability[name])?.note;
  throw new PodhandError(
    'ROLE_NOT_OFFERED',
    `the ${executor.name} executor does not offer ${name}${note ? `: ${note}` : ''}`,
  );
}

const roleCapability = {
  logs: 'logs',
  files: 'files',
  signal: 'kill',
  entrypoint: 'entrypoint',
  stats: 'stats',
} as const;

/** The newest attempt of a container of the calling pod. Errors: INVALID_REQUEST, CONTAINER_NOT_FOUND. */
export function containerNamed(dependencies: ServiceDependencies, context: CallContext, name: string): Container {
  requireName(name);
  context.facts.container = name;
  const container = dependencies.store.container(context.pod.uid, name);
  if (container === undefined) throw containerNotFound(name);
  context.audit?.note(name, { containerId: container.id });
  return container;
}

/** The same words for a container of another pod and for one that does not exist anywhere. */
export function containerNotFound(name: string): PodhandError {
  return new PodhandError('CONTAINER_NOT_FOUND', `this pod has no container "${name}"`, {
    details: { container: name },
  });
}

export function requireName(name: string): void {
  if (name === '') throw new PodhandError('INVALID_REQUEST', 'the name of a container must not be empty');
  if (name.length > 253)
    throw new PodhandError('INVALID_REQUEST', 'the name of a container has at most 253 characters');
}

/** The name of the container that calls; undefined on the admin socket or while the source has not named it yet. */
export function callerContainer(dependencies: ServiceDependencies, context: CallContext): string | undefined {
  const id = context.caller.kind === 'pod' ? context.caller.process?.containerId : undefined;
  return id === undefined ? undefined : dependencies.store.byId(context.pod.uid, id)?.name;
}

/** The agent's limits, made smaller by what the request asks. Errors: INVALID_REQUEST. */
export function limitsFor(config: AgentConfig, maxBytes: number): TreeLimits {
  if (maxBytes < 0)
    throw new PodhandError('INVALID_REQUEST', "max_bytes must not be negative; 0 is the agent's own limit");
  const { fileBytes, treeBytes, treeEntries, treeDepth } = config.limits;
  const most = maxBytes === 0 ? Number.POSITIVE_INFINITY : maxBytes;
  return {
    maxFileBytes: Math.min(fileBytes, most),
    maxTreeBytes: Math.min(treeBytes, most),
    maxEntries: treeEntries,
    maxDepth: treeDepth,
  };
}
