import { attackInCluster } from './attack-in-cluster.ts';
import { restrictedPodsInCluster } from './restricted-in-cluster.ts';

restrictedPodsInCluster('containerd', ['pns']);
attackInCluster('containerd', 'pns');
