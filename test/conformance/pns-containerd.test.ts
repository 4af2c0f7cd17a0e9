import { yes } from './capabilities.ts';
import { clusterFlavour } from './cluster-flavours.ts';
import { conformance } from './suite.ts';

// Kubelet and API server name the pods of one runtime each: that has nothing to do with what makes the containers.
const source = 'k8sapi';
conformance(
  `pns executor on containerd, pods named by ${source}`,
  clusterFlavour('containerd', 'pns', yes({}), (opened) => [
    ...opened[source],
    `pns.podSource=${source}`,
    `nodeLogs.podsDir=${opened.cluster.podLogsDir}`,
    `nodeLogs.containersDir=${opened.cluster.containerLogsDir}`,
  ]),
);
