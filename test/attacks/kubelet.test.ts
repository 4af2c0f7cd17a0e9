import { clusterFlavour, kubernetesTable } from '../conformance/cluster-flavours.ts';
import { attacks } from './suite.ts';

attacks(
  'kubelet executor on containerd',
  clusterFlavour('containerd', 'kubelet', kubernetesTable, ({ kubelet }) => kubelet),
);
