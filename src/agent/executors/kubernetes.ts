import type { Logger } from 'pino';
import { podSources } from '../config/kubernetes.ts';
import type { AgentConfig } from '../config/schema.ts';
import type { SaveOptions } from '../files/write-place.ts';
import { KubernetesEndpoint } from '../kubernetes/endpoint.ts';
import type { NodePods } from '../kubernetes/node-pods.ts';
import { ApiPods } from './k8sapi/api-pods.ts';
import { createK8sApiExecutor } from './k8sapi/create-k8sapi-executor.ts';
import { createKubeletExecutor } from './kubelet/create-kubelet-executor.ts';
import { KubeletPods } from './kubelet/kubelet-pods.ts';
import type { EntrypointRole, Executor } from './roles.ts';

/** What stands on a kubelet or an API server; one connection and one source of pods, whoever uses them. */
export interface KubernetesParts {
  readonly name: 'kubelet' | 'k8sapi';
  /** The executor of that name. */
  readonly executor: Executor;
  /** Also for pns. */
  readonly pods: NodePods;
  close(): Promise<void>;
}

/** Undefined where the configuration has its pods from elsewhere. */
export function createKubernetesParts(
  config: AgentConfig,
  log: Logger,
  node: { readonly saving: (podUid: string) => SaveOptions; readonly entrypoint: EntrypointRole | undefined },
): KubernetesParts | undefined {
  const sources = podSources(config);
  const forgetAfterMs = config.pods.forgetAfter;
  const { podsDir: podLogsDir } = config.nodeLogs;
  const files = { kubeletDirectory: config.kubelet.directory, allowed: config.mounts.allow, saving: node.saving };
  const entrypoint = node.entrypoint && { entrypoint: node.entrypoint };
  if (sources.has('kubelet')) {
    const endpoint = new KubernetesEndpoint(config.kubelet);
    const pollIntervalMs = config.kubelet.pollInterval;
    const pods = new KubeletPods({ endpoint, pollIntervalMs, forgetAfterMs, podLogsDir, log });
    const executor = createKubeletExecutor({ endpoint, pods, files, ...entrypoint });
    return { name: 'kubelet', executor, pods, close: () => endpoint.close() };
  }
  if (sources.has('k8sapi')) {
    const endpoint = new KubernetesEndpoint(config.k8sapi);
    const pods = new ApiPods({ endpoint, nodeName: config.nodeName, forgetAfterMs, podLogsDir, log });
    const executor = createK8sApiExecutor({
      endpoint,
      pods,
      ...(config.k8sapi.nodeAccess && { files, ...entrypoint }),
    });
    return { name: 'k8sapi', executor, pods, close: () => endpoint.close() };
  }
  return undefined;
}
