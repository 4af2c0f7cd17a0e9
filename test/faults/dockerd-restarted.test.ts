import { runtimeRestarts } from './runtime-restarts.ts';

runtimeRestarts({
  runtime: 'docker',
  cluster: 'dockerd-restarts',
  executors: [{ executor: 'docker' }, { executor: 'pns', settings: ['pns.podSource=kubelet'] }],
});
