import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { must } from '../node/processes.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const contract = ['podhand/v1/executor.proto', 'grpc/health/v1/health.proto', 'google/rpc/status.proto'];

/** The client as a pod has it that may mount nothing of the node: in a ConfigMap, unpacked where it may write. */
const boot = `
import { cpSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
if (!lstatSync('/run/podhand/agent.sock').isSocket()) throw new Error('no socket');
cpSync('/client', '/tmp', { recursive: true, dereference: true });
writeFileSync('/tmp/podhand.mjs', gunzipSync(readFileSync('/client/podhand.gz')));
await import('/tmp/podhand.mjs');
`;

/** The ConfigMap `client`. To be created, not applied: it is larger than an annotation may be. */
export async function clientConfigMap(directory: string): Promise<object> {
  const bundle = join(directory, 'podhand.mjs');
  await must([process.execPath, join(root, 'scripts/bundle-client.ts'), bundle]);
  const texts = contract.map((path) => [keyOf(path), readFileSync(join(root, 'proto', path), 'utf8')]);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'client', namespace: 'default' },
    data: { ...Object.fromEntries(texts), 'boot.mjs': boot, 'package.json': '{ "version": "test", "type": "module" }' },
    binaryData: { 'podhand.gz': gzipSync(readFileSync(bundle)).toString('base64') },
  };
}

function keyOf(path: string): string {
  return path.replaceAll('/', '.');
}

/**
 * A pod that satisfies the *restricted* Pod Security Standard. Its first container is an init container, which fails
 * where it does not find the socket at once; it and `main` say what answers them.
 */
export function restrictedPod(name: string, emptyDir: object): object {
  const items = [
    ...contract.map((path) => ({ key: keyOf(path), path: `proto/${path}` })),
    ...['boot.mjs', 'package.json', 'podhand.gz'].map((key) => ({ key, path: key })),
  ];
  const container = (named: string) => ({
    name: named,
    image: 'podhand-test/node:latest',
    imagePullPolicy: 'Never',
    command: ['/usr/bin/node', '/client/boot.mjs', 'info', '-o', 'json'],
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'podhand', mountPath: '/run/podhand', readOnly: true },
      { name: 'client', mountPath: '/client' },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1234, seccompProfile: { type: 'RuntimeDefault' } },
      initContainers: [container('first')],
      containers: [container('main')],
      volumes: [
        { name: 'podhand', emptyDir },
        { name: 'client', configMap: { name: 'client', items } },
        { name: 'tmp', emptyDir: {} },
      ],
    },
  };
}
