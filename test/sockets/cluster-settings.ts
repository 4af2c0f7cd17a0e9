import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterRuntime } from '../cluster/places.ts';

/** These suites leave hostile pods behind them: nobody else's cluster. */
export function clusterName(runtime: ClusterRuntime): string {
  return `sock-${runtime}`;
}

/** An agent on the node of a cluster, beside its kubelet. */
export function clusterSettings(cluster: Cluster, executor: 'docker' | 'pns'): string[] {
  return [
    `containerRuntimeExecutor=${executor}`,
    `docker.socket=${cluster.runtimeSocket}`,
    `kubelet.directory=${cluster.kubeletDir}`,
    `nodeLogs.podsDir=${cluster.podLogsDir}`,
    `nodeLogs.containersDir=${cluster.containerLogsDir}`,
    `cgroup.roots=${cluster.cgroup}/kubepods`,
  ];
}
