import { join } from 'node:path';
import { ExecutorClient } from '../../src/client/executor-client.ts';
import { cgroupsOf, MeetingPlace } from '../../test/attacks/cgroup-process.ts';
import type { ClusterAgent } from '../../test/faults/cluster-agent.ts';
import type { TestContainer, TestPod } from '../../test/node/pods.ts';

/** A client on a pod's own socket, as a process of that pod. */
export interface PodCaller {
  readonly client: ExecutorClient;
  close(): Promise<void>;
}

/**
 * pns asks of each call whose process it is: its clients speak through a process that is in the container's cgroups. The
 * kubelet's agent, as its manifest has it, knows the socket alone.
 */
export async function podCaller(agent: ClusterAgent, pod: TestPod, from: TestContainer): Promise<PodCaller> {
  if (agent.executor !== 'pns') {
    const client = agent.podClient(pod);
    return { client, close: async () => client.close() };
  }
  const place = new MeetingPlace();
  try {
    await place.start('serve', agent.podSocket(pod), await cgroupsOf(from)).says();
  } catch (error) {
    await place.close();
    throw error;
  }
  const client = new ExecutorClient({ socketPath: join(place.directory, 'relay') });
  const close = async () => {
    client.close();
    await place.close();
  };
  return { client, close };
}
