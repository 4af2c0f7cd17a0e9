import { clusterFlavour, emissaryTable } from '../conformance/cluster-flavours.ts';
import { attacks } from './suite.ts';

// Without `hold`: with it, files and processes are the kernel's word, as with pns.
attacks(
  'emissary executor on containerd, pods named by kubelet',
  clusterFlavour('containerd', 'emissary', emissaryTable, ({ kubelet }) => [...kubelet, 'emissary.podSource=kubelet'], {
    emissary: true,
  }),
);
