import type { Problem } from './problems.ts';
import type { AgentConfig } from './schema.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Who can name a node's pods. */
export type PodSourceName = AgentConfig['pns']['podSource'];

/** Every source of pods that the configuration asks for. */
export function podSources(config: AgentConfig): Set<PodSourceName> {
  const names = [config.containerRuntimeExecutor, ...config.containerRuntimeExecutors.map(({ name }) => name)];
  return new Set(names.map((name) => (name === 'pns' || name === 'emissary' ? config[name].podSource : name)));
}

/** What is missing or contradicts itself about pod sources and the servers that they are asked from; `nodeName` as it was given. */
export function podSourceProblems(config: AgentConfig): Problem[] {
  const sources = podSources(config);
  const problems: Problem[] = [];
  if (sources.size > 1) {
    const what = `a node has one source of pods, and these executors have ${[...sources].join(' and ')}; choose pns.podSource, emissary.podSource, or executors, accordingly`;
    problems.push({ where: 'pns.podSource', what });
  }
  const withEmissary = [config.containerRuntimeExecutor, ...config.containerRuntimeExecutors.map(({ name }) => name)];
  if (withEmissary.includes('emissary') && config.emissary.podSource === 'node-logs' && !config.emissary.hold) {
    const what =
      'must be true where node-logs names the pods: log files do not tell the end of a container whose emissary was killed';
    problems.push({ where: 'emissary.hold', what });
  }
  if (config.pns.logs === 'api' && !['kubelet', 'k8sapi'].includes(config.pns.podSource)) {
    const what = 'must be node unless kubelet or k8sapi names the pods (pns.podSource): logs come from who names them';
    problems.push({ where: 'pns.logs', what });
  }
  if (config.nodeName === '' && (sources.has('k8sapi') || (sources.has('kubelet') && config.kubelet.url === ''))) {
    const what = `must be given where ${[...sources].join(' and ')} names the pods: the node's name in Kubernetes (in a DaemonSet PODHAND_NODE_NAME from the field spec.nodeName)`;
    problems.push({ where: 'nodeName', what });
  }
  if ((sources.has('k8sapi') || config.records.events) && config.k8sapi.url === '') {
    const what = 'must be given outside of a cluster (in one, KUBERNETES_SERVICE_HOST and _PORT say it)';
    problems.push({ where: 'k8sapi.url', what });
  }
  return problems;
}

/** The addresses that were not given: the API server's as a pod is told it, the kubelet's by the node's name. */
export function withAddresses(config: AgentConfig, environment: Environment): AgentConfig {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = environment;
  const bracketed = host.includes(':') ? `[${host}]` : host;
  const apiUrl = config.k8sapi.url || (host === '' ? '' : `https://${bracketed}:${port}`);
  const kubeletUrl = config.kubelet.url || (config.nodeName === '' ? '' : `https://${config.nodeName}:10250`);
  return {
    ...config,
    kubelet: { ...config.kubelet, url: kubeletUrl },
    k8sapi: { ...config.k8sapi, url: apiUrl },
  };
}
