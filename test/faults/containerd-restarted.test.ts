import { runtimeRestarts } from './runtime-restarts.ts';

runtimeRestarts({
  runtime: 'containerd',
  cluster: 'faults-cri',
  executors: [
    { executor: 'kubelet', isSecondHand: true },
    { executor: 'pns', settings: ['pns.podSource=k8sapi'] },
  ],
});
