import { yes } from './capabilities.ts';
import { clusterFlavour } from './cluster-flavours.ts';
import { logsAloneConformance } from './suite.ts';

const nowhere = '/run/podhand-test/nothing-is-here';

// An agent without the node's log directories.
for (const source of ['kubelet', 'k8sapi'] as const) {
  logsAloneConformance(
    `pns executor on containerd, pods named and logs given by ${source}`,
    clusterFlavour('containerd', 'pns', yes({ 'logs.split': false }), (opened) => [
      ...opened[source],
      `pns.podSource=${source}`,
      'pns.logs=api',
      `nodeLogs.podsDir=${nowhere}`,
      `nodeLogs.containersDir=${nowhere}`,
    ]),
  );
}
