import { resolve } from 'node:path';
import type { ContainerSpec, VolumeMount } from '../../node/pods.ts';

const checkout = resolve(import.meta.dirname, '../../..');
/** The volume by which a container is told that it may start. */
export const gateVolume = 'podhand-test-gate';

export interface ManifestOptions {
  readonly name: string;
  readonly namespace: string;
  readonly specs: readonly ContainerSpec[];
  readonly socketsDir: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the pod's `spec`, over what is usual here. */
  readonly spec: object;
  /** Every command is run by the emissary, which an init container puts into the pod's shared volume. */
  readonly emissary: boolean;
}

const emissaryDir = '/var/run/argo';
const emissaryMount = { name: 'var-run-argo', mountPath: emissaryDir };
const checkoutMount = { name: 'podhand-checkout', mountPath: '/podhand', readOnly: true };

/** A Pod of these containers. Those with `start: false` wait at their gate before they become what they are. */
export function podManifest({ name, namespace, specs, socketsDir, labels, spec, emissary }: ManifestOptions): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 1,
      tolerations: [{ operator: 'Exists' }],
      ...(emissary && { initContainers: [withRoom(init, specs)] }),
      containers: specs.map((each) => (emissary ? supervised(container(each)) : container(each))),
      volumes: [
        ...volumesOf(name, specs),
        { name: gateVolume, emptyDir: {} },
        ...(emissary ? [{ name: emissaryMount.name, emptyDir: {} }] : []),
        { name: 'podhand-sockets', hostPath: { path: socketsDir, type: 'DirectoryOrCreate' } },
        { name: 'podhand-checkout', hostPath: { path: checkout } },
      ],
      ...spec,
    },
  };
}

export function secretName(pod: string, volume: string): string {
  return `${pod}-${volume}`;
}

const init = {
  name: 'init',
  image: 'podhand-test/node:latest',
  imagePullPolicy: 'Never',
  command: ['/usr/bin/node', '/podhand/bin/podhand', 'init'],
  volumeMounts: [emissaryMount, checkoutMount],
};

/** Where every container has a limit their pod has one too: then the init container needs its own. */
function withRoom(init: object, specs: readonly ContainerSpec[]): object {
  const isLimited = specs.every(({ memoryBytes }) => memoryBytes !== undefined);
  return isLimited ? { ...init, resources: { limits: { memory: '256Mi' } } } : init;
}

function supervised({ command, ...rest }: ContainerManifest): object {
  const { name, volumeMounts } = rest;
  if (command === undefined) throw new Error(`container ${name}: the emissary has to be told its command`);
  return {
    ...rest,
    command: [`${emissaryDir}/podhand-emissary`, '--container', name, '--capture', '--', ...command],
    volumeMounts: [...volumeMounts, emissaryMount],
  };
}

interface ContainerManifest {
  readonly name: string;
  readonly command?: readonly string[];
  readonly volumeMounts: readonly object[];
  readonly [key: string]: unknown;
}

function container(spec: ContainerSpec): ContainerManifest {
  const [user, group] = spec.user?.split(':').map(Number) ?? [];
  return {
    name: spec.name,
    image: imageOf(spec),
    imagePullPolicy: 'Never',
    ...(spec.command && { command: spec.start === false ? gated(spec.name, spec.command) : [...spec.command] }),
    ...(spec.workingDir !== undefined && { workingDir: spec.workingDir }),
    env: [
      ...Object.entries(spec.env ?? {}).map(([name, value]) => ({ name, value })),
      { name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
    ],
    tty: spec.tty ?? false,
    ...(spec.memoryBytes !== undefined && { resources: { limits: { memory: `${spec.memoryBytes}` } } }),
    securityContext: {
      ...(user !== undefined && { runAsUser: user, ...(group !== undefined && { runAsGroup: group }) }),
      ...(spec.capabilities && { capabilities: { add: [...spec.capabilities] } }),
    },
    volumeMounts: [
      ...(spec.volumes ?? []).map(({ volume, mountPath, readOnly = false, subPath }) => ({
        name: volume,
        mountPath,
        readOnly,
        ...(subPath !== undefined && { subPath }),
      })),
      ...(spec.start === false ? [{ name: gateVolume, mountPath: '/podhand-gate', readOnly: true }] : []),
      ...(spec.socketDir
        ? [{ name: 'podhand-sockets', mountPath: '/run/podhand', subPathExpr: '$(POD_UID)', readOnly: true }]
        : []),
      ...(spec.checkout ? [checkoutMount] : []),
    ],
  };
}

function imageOf({ image = 'busybox' }: ContainerSpec): string {
  return image.includes('/') ? (image.includes(':') ? image : `${image}:latest`) : `podhand-test/${image}:latest`;
}

function gated(name: string, command: readonly string[]): string[] {
  const wait = 'until [ -e "/podhand-gate/$0" ]; do sleep 0.05; done; exec "$@"';
  return ['/bin/sh', '-c', wait, name, ...command];
}

function volumesOf(pod: string, specs: readonly ContainerSpec[]): object[] {
  const mounts = new Map(specs.flatMap(({ volumes = [] }) => volumes.map((mount) => [mount.volume, mount])));
  return [...mounts.values()].map((mount) => ({ name: mount.volume, ...sourceOf(pod, mount) }));
}

function sourceOf(pod: string, { volume, kind = 'emptyDir', hostPath }: VolumeMount): object {
  if (kind === 'hostPath') return { hostPath: { path: hostPath } };
  if (kind === 'tmpfs') return { emptyDir: { medium: 'Memory' } };
  const name = secretName(pod, volume);
  if (kind === 'secret') return { secret: { secretName: name } };
  if (kind === 'projected') return { projected: { sources: [{ secret: { name } }] } };
  if (kind === 'configMap') return { configMap: { name: 'kube-root-ca.crt' } };
  if (kind === 'token') return { projected: { sources: [{ serviceAccountToken: { path: 'key' } }] } };
  if (kind === 'downwardAPI')
    return { downwardAPI: { items: [{ path: 'key', fieldRef: { fieldPath: 'metadata.name' } }] } };
  return { emptyDir: {} };
}
