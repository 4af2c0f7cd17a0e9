import type { Cluster } from '../../cluster/cluster.ts';
import type { AgentSpec, Shipped } from './shipped.ts';

export const namespace = 'podhand-system';
/** A node has no room for so many as ask for what one takes. */
const requests = { cpu: '20m', memory: '32Mi' };

export interface Place {
  readonly name: string;
  /** On the node, and seen from outside of it: `run` and `state` of this agent alone. */
  readonly directory: string;
  /** Of pods that want a socket of this agent. */
  readonly volumes: { readonly disk: string; readonly memory: string };
}

/**
 * The objects that run the agent of a manifest as one pod beside others of its kind: with an account, a configuration,
 * directories and volumes of its own, and without the kubelet's probes, since what they ask is tried here.
 */
export function agentObjects({ spec, config, rules, annotations }: Shipped, cluster: Cluster, place: Place): object[] {
  const { name } = place;
  const metadata = { name, namespace };
  const apiGroup = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: `${apiGroup}/v1`,
      kind: 'ClusterRole',
      metadata,
      rules: rules.filter(({ verbs }) => verbs.length > 0),
    },
    {
      apiVersion: `${apiGroup}/v1`,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'config.yaml': config } },
    { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, annotations }, spec: ofOnePod(spec, cluster, place) },
  ];
}

function ofOnePod(spec: AgentSpec, cluster: Cluster, { name, directory, volumes }: Place): object {
  const [{ startupProbe: _, readinessProbe: __, livenessProbe: ___, env = [], resources, ...container }] =
    spec.containers;
  const own = {
    PODHAND_CGROUP_ROOTS: `${cluster.cgroup}/kubepods`,
    PODHAND_SOCKETS_VOLUMES: Object.values(volumes).join(','),
  };
  const settings = Object.entries(own).map(([key, value]) => ({ name: key, value }));
  return {
    ...spec,
    nodeName: cluster.nodeName,
    serviceAccountName: name,
    restartPolicy: 'Never',
    containers: [{ ...container, env: [...settings, ...env], resources: { ...resources, requests } }],
    volumes: spec.volumes.map((volume) => {
      if (volume.configMap !== undefined) return { ...volume, configMap: { name } };
      const isOwn = volume.name === 'run' || volume.name === 'state';
      return isOwn ? { ...volume, hostPath: { ...volume.hostPath, path: `${directory}/${volume.name}` } } : volume;
    }),
  };
}
