import type { ExecutorName } from '../../src/agent/executors/roles.ts';

/** `shared`: the layers that stand before every executor or below several, tried without one. */
export const columns = ['shared', 'docker', 'pns', 'kubelet', 'k8sapi', 'emissary'] as const;
export type Column = 'shared' | ExecutorName;

/** Why a case has nothing to try there. The table names them by letter. */
export const reasons = {
  sharedLater: 'what stands before the executors has no part in it',
  beforeExecutors: 'it is decided before any executor is asked',
  processes: '`processes/` does it for docker, pns and emissary with `hold`; kubelet and k8sapi hold no process',
  logsByApi: 'the log comes by the API: no file of it is opened here',
} as const;
export type Reason = keyof typeof reasons;
