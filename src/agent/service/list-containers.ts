import type { ListContainersResponse } from '../../wire/generated/podhand/v1/ListContainersResponse.ts';
import type { CallContext } from '../connection/caller.ts';
import { hasEnded } from '../pods/model.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { containerMessage } from './messages.ts';

export async function listContainers(
  dependencies: ServiceDependencies,
  context: CallContext,
): Promise<ListContainersResponse> {
  const { recorder, store } = dependencies;
  const containers = store.containers(context.pod.uid);
  return {
    containers: await Promise.all(
      containers.map(async (container) =>
        containerMessage(container, hasEnded(container) ? await recorder.final(context.pod, container) : undefined),
      ),
    ),
  };
}
