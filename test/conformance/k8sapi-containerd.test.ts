import { clusterFlavour, kubernetesTable } from './cluster-flavours.ts';
import { conformance } from './suite.ts';

conformance(
  'k8sapi executor on containerd',
  clusterFlavour('containerd', 'k8sapi', kubernetesTable, ({ k8sapi }) => k8sapi),
);
