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
}

/** A Pod of these containers. Those with `start: false` wait at their gate before they become what they are. */
export function podManifest({ name, namespace, specs, socketsDir, labels, spec }: ManifestOptions): object {
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
      containers: specs.map(container),
      volumes: [
        ...volumesOf(name, specs),
        { name: gateVolume, emptyDir: {} },
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

function container(spec: ContainerSpec): object {
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
      ...(spec.checkout ? [{ name: 'podhand-checkout', mountPath: '/podhand', readOnly: true }] : []),
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
  return { emptyDir: {} };
}
