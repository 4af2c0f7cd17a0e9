import { clusterFlavour, kubernetesTable } from './cluster-flavours.ts';
import { conformance } from './suite.ts';

conformance(
  'kubelet executor on containerd',
  clusterFlavour('containerd', 'kubelet', kubernetesTable, ({ kubelet }) => kubelet),
);
