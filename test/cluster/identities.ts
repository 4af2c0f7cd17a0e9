import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { Authority, type Certificate, makeSigningKey } from './authority.ts';
import type { ClusterNetwork } from './network.ts';
import type { Places } from './places.ts';

export const nodeName = 'node1';

const servers = ['apiserver', 'kubelet'] as const;
const clients = {
  admin: { name: 'admin', organization: 'system:masters' },
  'apiserver-kubelet-client': { name: 'kube-apiserver-kubelet-client', organization: 'system:masters' },
  node: { name: `system:node:${nodeName}`, organization: 'system:nodes' },
  'controller-manager': { name: 'system:kube-controller-manager' },
  scheduler: { name: 'system:kube-scheduler' },
} as const;

type Client = keyof typeof clients;

/** Every certificate and kubeconfig of a cluster, as files. etcd has an authority of its own, as kubeadm does it. */
export interface Identities {
  readonly ca: Certificate;
  readonly etcdCa: string;
  readonly etcd: Certificate;
  readonly etcdClient: Certificate;
  readonly signing: { readonly key: string; readonly publicKey: string };
  certificate(of: (typeof servers)[number] | Client): Certificate;
  kubeconfig(of: Exclude<Client, 'apiserver-kubelet-client'>): string;
}

/** Where they are, once `makeIdentities` has made them. */
export function identitiesOf({ pki }: Places): Identities {
  const certificate = (name: string, dir = pki) => ({ cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) });
  const etcd = join(pki, 'etcd');
  return {
    ca: certificate('ca'),
    etcdCa: join(etcd, 'ca.crt'),
    etcd: certificate('server', etcd),
    etcdClient: certificate('client', etcd),
    signing: { key: join(pki, 'sa.key'), publicKey: join(pki, 'sa.pub') },
    certificate: (of) => certificate(of),
    kubeconfig: (of) => join(pki, `${of}.kubeconfig`),
  };
}

export async function makeIdentities(places: Places, network: ClusterNetwork): Promise<void> {
  const { nodeIp, apiIp } = network;
  const authority = await Authority.create(places.pki, 'podhand-test-ca');
  const apiNames = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'].map((name) => `DNS:${name}`);
  await authority.issue('apiserver', { name: 'kube-apiserver', serves: [...apiNames, `IP:${apiIp}`] });
  await authority.issue('kubelet', {
    name: `system:node:${nodeName}`,
    organization: 'system:nodes',
    serves: [`DNS:${nodeName}`, `IP:${nodeIp}`],
  });
  for (const [file, subject] of Object.entries(clients)) {
    const certificate = await authority.issue(file, subject);
    await writeKubeconfig(join(places.pki, `${file}.kubeconfig`), subject.name, certificate, authority.ca, apiIp);
  }
  // For agents under test that are not root: `pki` is closed to them.
  await copyFile(authority.ca.cert, places.at('ca.crt'));
  const etcd = await Authority.create(join(places.pki, 'etcd'), 'podhand-test-etcd-ca');
  await etcd.issue('server', { name: 'etcd', serves: [`IP:${nodeIp}`] });
  await etcd.issue('client', { name: 'kube-apiserver-etcd-client' });
  await makeSigningKey(places.pki);
}

/** One file with all it takes, so that it can be copied into a pod. */
async function writeKubeconfig(path: string, user: string, own: Certificate, ca: Certificate, apiIp: string) {
  const base64 = (file: string) => readFile(file, 'base64');
  const cluster = { server: `https://${apiIp}:443`, 'certificate-authority-data': await base64(ca.cert) };
  const credentials = {
    'client-certificate-data': await base64(own.cert),
    'client-key-data': await base64(own.key),
  };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'podhand-test', cluster }],
    users: [{ name: user, user: credentials }],
    contexts: [{ name: 'podhand-test', context: { cluster: 'podhand-test', user } }],
    'current-context': 'podhand-test',
  };
  await writeFile(path, stringify(config), { mode: 0o600 });
}
