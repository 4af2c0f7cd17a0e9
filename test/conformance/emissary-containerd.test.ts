import { yes } from './capabilities.ts';
import { clusterFlavour } from './cluster-flavours.ts';
import { conformance } from './suite.ts';

conformance(
  'emissary executor on containerd, containers held, pods named by kubelet',
  clusterFlavour(
    'containerd',
    'emissary',
    yes({}),
    ({ kubelet, cluster }) => [
      ...kubelet,
      'emissary.podSource=kubelet',
      'emissary.hold=true',
      `nodeLogs.podsDir=${cluster.podLogsDir}`,
      `nodeLogs.containersDir=${cluster.containerLogsDir}`,
    ],
    { emissary: true },
  ),
);
