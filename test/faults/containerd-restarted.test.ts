import { runtimeRestarts } from './runtime-restarts.ts';

runtimeRestarts({
  runtime: 'containerd',
  cluster: 'faults-cri',
  executors: [
    { executor: 'kubelet', mayLoseLogs: true },
    { executor: 'pns', settings: ['pns.podSource=k8sapi'] },
  ],
});
