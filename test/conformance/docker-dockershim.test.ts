import { yes } from './capabilities.ts';
import { clusterFlavour } from './cluster-flavours.ts';
import { conformance } from './suite.ts';

conformance(
  'docker executor under a kubelet with dockershim',
  clusterFlavour('docker', 'docker', yes({ 'wait.signal': false }), ({ cluster }) => [
    `docker.socket=${cluster.runtimeSocket}`,
  ]),
);
