import { yes } from './capabilities.ts';
import { clusterFlavour } from './cluster-flavours.ts';
import { conformance } from './suite.ts';

for (const source of ['kubelet', 'k8sapi'] as const) {
  conformance(
    `pns executor on dockershim, pods named by ${source}`,
    clusterFlavour('docker', 'pns', yes({}), (opened) => [
      ...opened[source],
      `pns.podSource=${source}`,
      `nodeLogs.podsDir=${opened.cluster.podLogsDir}`,
      `nodeLogs.containersDir=${opened.cluster.containerLogsDir}`,
      `docker.containersDir=${opened.dockerContainers}`,
    ]),
  );
}
