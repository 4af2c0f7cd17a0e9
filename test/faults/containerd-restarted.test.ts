import { runtimeRestarts } from './runtime-restarts.ts';

runtimeRestarts({
  runtime: 'containerd',
  cluster: 'containerd-restarts',
  executors: [
    { executor: 'kubelet', isSecondHand: true },
    { executor: 'pns', settings: ['pns.podSource=k8sapi'] },
  ],
});
