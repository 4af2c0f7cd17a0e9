import type { GetInfoResponse } from '../../wire/generated/podhand/v1/GetInfoResponse.ts';
import type { CallContext } from '../connection/caller.ts';
import { callerContainer, type ServiceDependencies } from './dependencies.ts';

export function getInfo(dependencies: ServiceDependencies, context: CallContext): GetInfoResponse {
  const { config } = dependencies;
  const executor = dependencies.executorFor(context.pod.uid);
  return {
    agentVersion: dependencies.version,
    nodeName: config.nodeName,
    pod: { uid: context.pod.uid, namespace: context.pod.namespace, name: context.pod.name },
    callerContainer: callerContainer(dependencies, context) ?? '',
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
