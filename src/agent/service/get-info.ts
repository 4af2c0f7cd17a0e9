import type { GetInfoResponse } from '../../wire/generated/podhand/v1/GetInfoResponse.ts';
import type { CallContext } from '../connection/caller.ts';
import { PodChanges } from '../pods/changes.ts';
import { callerContainer, type ServiceDependencies } from './dependencies.ts';

/** How long a source of pods may be behind a container that calls as soon as it runs. */
const namedWithinMs = 3000;

export async function getInfo(dependencies: ServiceDependencies, context: CallContext): Promise<GetInfoResponse> {
  const { config } = dependencies;
  const own = await namedCaller(dependencies, context);
  const executor = dependencies.executorFor(context.pod.uid);
  return {
    agentVersion: dependencies.version,
    nodeName: config.nodeName,
    pod: { uid: context.pod.uid, namespace: context.pod.namespace, name: context.pod.name },
    callerContainer: own ?? '',
    executor: executor.name,
    capabilities: executor.capabilities.map(({ name, supported, note }) => ({ name, supported, note: note ?? '' })),
    limits: {
      maxFileBytes: config.limits.fileBytes,
      maxTreeBytes: config.limits.treeBytes,
      maxTreeEntries: config.limits.treeEntries,
      maxTreeDepth: config.limits.treeDepth,
      maxStreamsPerPod: config.limits.streamsPerPod,
    },
  };
}

/** The name of the calling container; undefined where there is none, or its source does not name it in time. */
async function namedCaller(dependencies: ServiceDependencies, context: CallContext): Promise<string | undefined> {
  const { caller, pod } = context;
  const known = () => callerContainer(dependencies, context);
  if (caller.kind !== 'pod' || caller.process?.containerId === undefined || known() !== undefined) return known();
  const late = AbortSignal.timeout(namedWithinMs);
  const changes = new PodChanges(dependencies.store, pod.uid, AbortSignal.any([context.signal, late]));
  try {
    while (known() === undefined && !changes.podRemoved) await changes.next();
  } catch (error) {
    if (!late.aborted) throw error;
  }
  return known();
}
