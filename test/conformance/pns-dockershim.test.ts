import { yes } from './capabilities.ts';
import { clusterFlavour } from './cluster-flavours.ts';
import { conformance } from './suite.ts';

// Kubelet and API server name the pods of one runtime each: that has nothing to do with what makes the containers.
const source = 'kubelet';
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
