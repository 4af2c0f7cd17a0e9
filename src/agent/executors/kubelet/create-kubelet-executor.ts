import { kubernetesCapabilities } from '../../kubernetes/capabilities.ts';
import type { KubernetesEndpoint } from '../../kubernetes/endpoint.ts';
import { KubernetesLogs } from '../../kubernetes/logs.ts';
import { ExecSignals } from '../../kubernetes/signals.ts';
import { VolumeFiles, type VolumeFilesOptions } from '../../kubernetes/volume-files.ts';
import type { EntrypointRole, Executor } from '../roles.ts';
import { kubeletPaths } from './kubelet-paths.ts';
import type { KubeletPods } from './kubelet-pods.ts';

export interface KubeletExecutorOptions {
  readonly endpoint: KubernetesEndpoint;
  readonly pods: KubeletPods;
  readonly files: Omit<VolumeFilesOptions, 'executor'>;
  /** Absent: only the configured image index is known. */
  readonly entrypoint?: EntrypointRole;
}

/** The executor that works through the kubelet's own API on the node, and the volumes in its directory. */
export function createKubeletExecutor({ endpoint, pods, files, entrypoint }: KubeletExecutorOptions): Executor {
  const parts = { server: 'kubelet', endpoint, paths: kubeletPaths, pods } as const;
  return {
    name: 'kubelet',
    capabilities: kubernetesCapabilities({ volumes: true, imageStore: entrypoint !== undefined }),
    containers: pods,
    logs: new KubernetesLogs(parts),
    files: new VolumeFiles({ ...files, executor: 'kubelet' }, pods),
    signal: new ExecSignals(parts),
    ...(entrypoint && { entrypoint }),
  };
}
