import { clusterFlavour, emissaryTable } from './cluster-flavours.ts';
import { conformance } from './suite.ts';

conformance(
  'emissary executor on dockershim, pods named by kubelet',
  clusterFlavour('docker', 'emissary', emissaryTable, ({ kubelet }) => [...kubelet, 'emissary.podSource=kubelet'], {
    emissary: true,
  }),
);
