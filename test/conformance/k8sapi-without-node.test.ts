import { clusterFlavour, kubernetesTable } from './cluster-flavours.ts';
import { conformance } from './suite.ts';

const table = {
  ...kubernetesTable,
  'files.volume.running': false,
  'files.volume.exited': false,
  'files.container_user': false,
  'files.sparse': false,
  'save.in_kernel': false,
  entrypoint: false,
};

conformance(
  'k8sapi executor without access to the node',
  clusterFlavour('docker', 'k8sapi', table, ({ k8sapi }) => [...k8sapi, 'k8sapi.nodeAccess=false']),
);
