import { join } from 'node:path';
import { ask } from './ask.ts';
import type { Certificate } from './authority.ts';
import { Daemon } from './daemon.ts';
import type { Identities } from './identities.ts';
import type { ClusterNetwork } from './network.ts';
import type { Places } from './places.ts';

export interface ControlPlane {
  readonly etcd: Daemon;
  readonly apiserver: Daemon;
  readonly controllerManager: Daemon;
  readonly scheduler: Daemon;
}

/** Tokens that pods find at the usual place are projected, bound to the pod, and rotated, as from 1.21 on. */
const featureGates = '--feature-gates=BoundServiceAccountTokenVolume=true';

/** The control plane's processes, set up as kubeadm does it: TLS with client certificates, and nothing without. */
export function controlPlane(
  bin: string,
  places: Places,
  identities: Identities,
  network: ClusterNetwork,
): ControlPlane {
  const etcdUrl = `https://${network.nodeIp}:2379`;
  const { ca, certificate, kubeconfig } = identities;
  const { run: dir } = places;
  const made = (name: string, program: string, flags: readonly string[], ready: () => Promise<boolean>) =>
    new Daemon({ name, cluster: places.name, run: dir, argv: async () => [join(bin, program), ...flags], ready });

  const controller = (name: 'controller-manager' | 'scheduler', ...flags: string[]) => {
    const own = kubeconfig(name);
    // Neither serves anything: with one of each there is nothing to ask them, and what is closed needs no guard.
    const closed = ['--port=0', '--secure-port=0', '--leader-elect=false'];
    const roles = [`--kubeconfig=${own}`, `--authentication-kubeconfig=${own}`, `--authorization-kubeconfig=${own}`];
    return made(name, `kube-${name}`, [...roles, ...closed, ...flags], async () => true);
  };

  return {
    etcd: made('etcd', 'etcd', etcdFlags(places, identities, network), () =>
      answers(`${etcdUrl}/health`, identities.etcdCa, identities.etcdClient),
    ),
    apiserver: made('kube-apiserver', 'kube-apiserver', apiserverFlags(places, identities, network, etcdUrl), () =>
      answers(`https://${network.apiIp}:443/readyz`, ca.cert, certificate('admin')),
    ),
    controllerManager: controller(
      'controller-manager',
      '--use-service-account-credentials=true',
      `--service-account-private-key-file=${identities.signing.key}`,
      `--root-ca-file=${ca.cert}`,
      `--cluster-signing-cert-file=${ca.cert}`,
      `--cluster-signing-key-file=${ca.key}`,
      `--cert-dir=${places.at('certs')}`,
      featureGates,
    ),
    scheduler: controller('scheduler', `--cert-dir=${places.at('certs')}`),
  };
}

function etcdFlags(places: Places, { etcd, etcdCa }: Identities, { nodeIp }: ClusterNetwork): string[] {
  const client = `https://${nodeIp}:2379`;
  const peer = `https://${nodeIp}:2380`;
  const own = ['', 'peer-'].flatMap((kind) => [
    `--${kind}cert-file=${etcd.cert}`,
    `--${kind}key-file=${etcd.key}`,
    `--${kind}trusted-ca-file=${etcdCa}`,
    `--${kind}client-cert-auth=true`,
  ]);
  return [
    '--name=etcd',
    `--data-dir=${places.at('etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=etcd=${peer}`,
    ...own,
  ];
}

function apiserverFlags(places: Places, identities: Identities, network: ClusterNetwork, etcdUrl: string): string[] {
  const { ca, etcdCa, etcdClient, signing, certificate } = identities;
  const [serving, kubelet] = [certificate('apiserver'), certificate('apiserver-kubelet-client')];
  return [
    `--bind-address=${network.apiIp}`,
    `--advertise-address=${network.apiIp}`,
    '--secure-port=443',
    '--insecure-port=0',
    `--service-cluster-ip-range=${network.serviceCidr}`,
    `--cert-dir=${places.at('certs')}`,
    `--tls-cert-file=${serving.cert}`,
    `--tls-private-key-file=${serving.key}`,
    '--anonymous-auth=false',
    `--client-ca-file=${ca.cert}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    '--profiling=false',
    `--etcd-servers=${etcdUrl}`,
    `--etcd-cafile=${etcdCa}`,
    `--etcd-certfile=${etcdClient.cert}`,
    `--etcd-keyfile=${etcdClient.key}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--kubelet-certificate-authority=${ca.cert}`,
    `--kubelet-client-certificate=${kubelet.cert}`,
    `--kubelet-client-key=${kubelet.key}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${signing.publicKey}`,
    `--service-account-signing-key-file=${signing.key}`,
    '--service-account-extend-token-expiration=false',
    featureGates,
  ];
}

async function answers(url: string, ca: string, client: Certificate): Promise<boolean> {
  return await ask(url, { ca, client }).then(
    ({ status }) => status === 200,
    () => false,
  );
}
