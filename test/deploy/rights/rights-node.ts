import { Cluster } from '../../cluster/cluster.ts';
import type { ClusterRuntime } from '../../cluster/places.ts';
import { AdminApi } from '../../cluster/pods/api.ts';
import { loadImages } from '../deployed-agent.ts';
import { namespace } from './agent-objects.ts';

/** A node on which many agents run side by side. */
export interface RightsNode {
  readonly cluster: Cluster;
  readonly api: AdminApi;
  close(): Promise<void>;
}

export async function openRightsNode(runtime: ClusterRuntime, name: string): Promise<RightsNode> {
  const cluster = await Cluster.up({ runtime, name, kubeletRoot: 'standard' });
  await loadImages(cluster);
  for (const image of ['podhand-test/busybox:latest', 'podhand-test/node:latest'] as const)
    await cluster.loadImage(image);
  await cluster.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }]);
  const api = new AdminApi(cluster.kubeconfig);
  return {
    cluster,
    api,
    close: async () => {
      await api.close();
      await cluster.close();
    },
  };
}
