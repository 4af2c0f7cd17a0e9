import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterPlan, ClusterRuntime as RuntimeName } from '../cluster/places.ts';
import { ClusterRuntime } from '../cluster/pods/cluster-runtime.ts';
import { yes } from './capabilities.ts';
import type { Flavour } from './subject.ts';

/** What the agent may do at its kubelet. In Kubernetes 1.20 all that it takes is `nodes/proxy`. */
export const kubeletRules = [{ apiGroups: [''], resources: ['nodes/proxy'], verbs: ['get'] }];
/** What the agent may do at the API server. An exec by WebSocket is a GET. */
export const k8sapiRules = [
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
  { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
  { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'] },
];

export const kubernetesTable = yes({
  'wait.signal': false,
  'logs.split': false,
  'files.base_layer.running': false,
  'files.base_layer.exited': false,
  'kill.sigkill': false,
  stats: false,
});

/** Without processes: what emissaries add to the kubelet or the API server. */
export const emissaryTable = yes({
  'wait.signal': false,
  'files.base_layer.running': false,
  'files.base_layer.exited': false,
  stats: false,
});

interface Opened {
  readonly cluster: Cluster;
  readonly runtime: ClusterRuntime;
  /** Where the node's dockerd keeps its containers' logs; empty without one. */
  readonly dockerContainers: string;
  /** The setting that names the files of the runtime's image store. */
  readonly imageStore: string;
  /** Settings that reach kubelet and API server with least rights. */
  readonly kubelet: string[];
  readonly k8sapi: string[];
  close(): Promise<void>;
}

export interface OpenOptions extends Partial<ClusterPlan> {
  /** Every container's command is run by the emissary, and its output captured. */
  readonly emissary?: boolean;
}

export async function openCluster(name: RuntimeName, { emissary, ...plan }: OpenOptions = {}): Promise<Opened> {
  const cluster = await Cluster.up({ runtime: name, name: `conformance-${name}`, ...plan });
  const runtime = await ClusterRuntime.open(cluster, { emissary });
  const directory = mkdtempSync(join(tmpdir(), 'podhand-'));
  const accounts = {
    kubelet: await cluster.serviceAccount(kubeletRules),
    k8sapi: await cluster.serviceAccount(k8sapiRules),
  };
  const settings = async (server: 'kubelet' | 'k8sapi', url: string) => {
    const tokenFile = join(directory, server);
    writeFileSync(tokenFile, await accounts[server].token({ seconds: 4 * 3600 }));
    return [`${server}.url=${url}`, `${server}.caFile=${cluster.caFile}`, `${server}.tokenFile=${tokenFile}`];
  };
  const dockerRoot = name === 'docker' ? await rootOf(cluster.runtimeSocket) : '';
  return {
    cluster,
    runtime,
    dockerContainers: name === 'docker' ? join(dockerRoot, 'containers') : '',
    imageStore:
      name === 'docker'
        ? `imageStores.docker=${join(dockerRoot, 'image')}`
        : `imageStores.containerd=${join(cluster.containerdRoot, 'io.containerd.content.v1.content')}`,
    kubelet: await settings('kubelet', cluster.kubeletUrl),
    k8sapi: await settings('k8sapi', cluster.apiUrl),
    close: async () => {
      await runtime.close();
      for (const account of Object.values(accounts)) await account.remove();
      await cluster.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function rootOf(socketPath: string): Promise<string> {
  const { DockerRootDir } = await new Docker({ socketPath }).info();
  return DockerRootDir;
}

/** An executor in a real cluster. `settings` come beside those that reach kubelet and API server. */
export function clusterFlavour(
  runtime: RuntimeName,
  executor: Flavour['executor'],
  capabilities: Flavour['capabilities'],
  settings: (opened: Opened) => string[],
  options: OpenOptions = {},
): Flavour {
  return {
    executor,
    open: async () => {
      const opened = await openCluster(runtime, options);
      const { cluster } = opened;
      const base = [
        opened.imageStore,
        `nodeName=${cluster.nodeName}`,
        `cgroup.roots=${join(cluster.cgroup, 'kubepods')}`,
      ];
      return { runtime: opened.runtime, settings: [...base, ...settings(opened)], close: opened.close };
    },
    terminals: true,
    // The node's runtimes rotate at 10 MB of their own format; a kubelet reads the present file only.
    largestLog: 3_000_000,
    ...(runtime === 'containerd' && { terminalNewline: '\n' }),
    fixedPods: true,
    supervised: options.emissary === true,
    capabilities,
  };
}
