import { clusterFlavour, kubernetesTable } from './cluster-flavours.ts';
import { conformance } from './suite.ts';

conformance(
  'kubelet executor on dockershim',
  clusterFlavour('docker', 'kubelet', kubernetesTable, ({ kubelet }) => kubelet),
);
