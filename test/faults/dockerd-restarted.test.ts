import { runtimeRestarts } from './runtime-restarts.ts';

runtimeRestarts({
  runtime: 'docker',
  cluster: 'faults',
  executors: [{ executor: 'docker' }, { executor: 'pns', settings: ['pns.podSource=kubelet'] }],
});
