import { kubernetesCapabilities } from '../../kubernetes/capabilities.ts';
import type { KubernetesEndpoint } from '../../kubernetes/endpoint.ts';
import { KubernetesLogs } from '../../kubernetes/logs.ts';
import { ExecSignals } from '../../kubernetes/signals.ts';
import { VolumeFiles, type VolumeFilesOptions } from '../../kubernetes/volume-files.ts';
import type { EntrypointRole, Executor } from '../roles.ts';
import { apiPaths } from './api-paths.ts';
import type { ApiPods } from './api-pods.ts';

export interface K8sApiExecutorOptions {
  readonly endpoint: KubernetesEndpoint;
  readonly pods: ApiPods;
  /** Absent: the agent has no access to the node, and no files. */
  readonly files?: Omit<VolumeFilesOptions, 'executor'>;
  /** Absent: only the configured image index is known. */
  readonly entrypoint?: EntrypointRole;
}

/** The executor that works through the API server; files, where it may, from the volumes on the node. */
export function createK8sApiExecutor({ endpoint, pods, files, entrypoint }: K8sApiExecutorOptions): Executor {
  const parts = { server: 'API server', endpoint, paths: apiPaths, pods } as const;
  return {
    name: 'k8sapi',
    capabilities: kubernetesCapabilities({ volumes: files !== undefined, imageStore: entrypoint !== undefined }),
    containers: pods,
    logs: new KubernetesLogs(parts),
    ...(files && { files: new VolumeFiles({ ...files, executor: 'k8sapi' }, pods) }),
    signal: new ExecSignals(parts),
    ...(entrypoint && { entrypoint }),
  };
}
