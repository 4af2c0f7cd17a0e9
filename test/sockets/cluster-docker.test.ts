import { attackInCluster } from './attack-in-cluster.ts';
import { restrictedPodsInCluster } from './restricted-in-cluster.ts';

restrictedPodsInCluster('docker', ['docker', 'pns']);
attackInCluster('docker', 'docker');
