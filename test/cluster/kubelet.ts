import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { cgroupHierarchies } from '../node/mounts.ts';
import { ask } from './ask.ts';
import { Daemon } from './daemon.ts';
import { type Identities, nodeName } from './identities.ts';
import type { ClusterNetwork } from './network.ts';
import type { NodeNamespace } from './node-namespace.ts';
import { type ClusterPlan, logFiles, type Places } from './places.ts';

const standardRoot = '/var/lib/kubelet';

/** The kubelet of a cluster, in the node's namespace. `runtimeFlags` say which runtime it drives. */
export function kubelet(
  program: string,
  places: Places,
  plan: ClusterPlan,
  node: NodeNamespace,
  identities: Identities,
  network: ClusterNetwork,
  runtimeFlags: readonly string[],
): Daemon {
  const flags = [
    `--config=${configFile(places)}`,
    `--kubeconfig=${identities.kubeconfig('node')}`,
    `--root-dir=${plan.kubeletRoot === 'standard' ? standardRoot : places.kubelet}`,
    `--cert-dir=${places.at('certs')}`,
    `--hostname-override=${nodeName}`,
    `--node-ip=${network.nodeIp}`,
    '--v=2',
    ...runtimeFlags,
  ];
  const client = identities.certificate('apiserver-kubelet-client');
  return new Daemon({
    name: 'kubelet',
    cluster: places.name,
    run: places.run,
    argv: () => node.enter([program, ...flags]),
    ready: () =>
      ask(`https://${network.nodeIp}:10250/healthz`, { ca: identities.ca.cert, client }).then(
        ({ status }) => status === 200,
        () => false,
      ),
  });
}

/** Writes its configuration, and makes the cgroup that its pods are to be below. */
export async function prepareKubelet(
  plan: ClusterPlan,
  places: Places,
  identities: Identities,
  network: ClusterNetwork,
): Promise<void> {
  for (const hierarchy of await cgroupHierarchies()) await mkdir(join(hierarchy, places.cgroup), { recursive: true });
  const serving = identities.certificate('kubelet');
  await writeFile(places.at('resolv.conf'), 'nameserver 127.0.0.1\n');
  await mkdir(places.at('manifests'), { recursive: true });
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: network.nodeIp,
    port: 10250,
    readOnlyPort: 0,
    healthzPort: 0,
    tlsCertFile: serving.cert,
    tlsPrivateKeyFile: serving.key,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: identities.ca.cert },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    // Another kubelet, or another suite, may have a /kubepods of its own: one kills what it does not know in there.
    cgroupRoot: places.cgroup,
    failSwapOn: false,
    // Root of a virtual machine may lack CAP_SYS_RESOURCE.
    oomScoreAdj: 0,
    makeIPTablesUtilChains: false,
    hairpinMode: 'none',
    clusterDomain: 'cluster.local',
    resolvConf: places.at('resolv.conf'),
    volumePluginDir: places.at('volume-plugins'),
    staticPodPath: places.at('manifests'),
    maxPods: 250,
    // Ready within seconds of being so, rather than ten; reported only where it has changed.
    nodeStatusUpdateFrequency: '2s',
    nodeStatusReportFrequency: '5m',
    containerLogMaxSize: `${plan.logFileKiB}Ki`,
    containerLogMaxFiles: logFiles,
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
  };
  await writeFile(configFile(places), stringify(config));
}

function configFile(places: Places): string {
  return places.at('kubelet.yaml');
}
