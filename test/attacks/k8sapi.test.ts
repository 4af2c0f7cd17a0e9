import { clusterFlavour, kubernetesTable } from '../conformance/cluster-flavours.ts';
import { attacks } from './suite.ts';

attacks(
  'k8sapi executor on containerd',
  clusterFlavour('containerd', 'k8sapi', kubernetesTable, ({ k8sapi }) => k8sapi),
);
