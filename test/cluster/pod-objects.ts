import { becomes } from '../node/processes.ts';
import type { Cluster } from './cluster.ts';

/** As the API server gives it; only what tests look at. */
export interface PodStatus {
  readonly phase: string;
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly containerStatuses?: readonly ContainerStatus[];
}

export interface ContainerStatus {
  readonly name: string;
  readonly containerID?: string;
  readonly restartCount: number;
  readonly state: {
    readonly running?: { readonly startedAt: string };
    readonly terminated?: { readonly exitCode: number; readonly reason: string };
    readonly waiting?: { readonly reason?: string };
  };
}

export interface PodRead {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status: PodStatus;
}

/** A pod of one container called `main`, with emptyDirs mounted at `/<volume>`. */
export function podObject(name: string, command: readonly string[], emptyDirs: Record<string, object> = {}): object {
  const volumes = Object.entries(emptyDirs).map(([volume, emptyDir]) => ({ name: volume, emptyDir }));
  const main = {
    name: 'main',
    image: 'podhand-test/busybox:latest',
    imagePullPolicy: 'Never',
    command,
    volumeMounts: volumes.map((volume) => ({ name: volume.name, mountPath: `/${volume.name}` })),
  };
  const spec = { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers: [main], volumes };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec };
}

export async function statusOf(cluster: Cluster, name: string): Promise<PodRead> {
  return JSON.parse(await cluster.kubectl.must(['get', 'pod', name, '-o', 'json']));
}

/** Waits until a pod's status is as wanted; rejects with the last one where it does not get so. */
export async function untilPod(
  cluster: Cluster,
  name: string,
  wanted: (status: PodStatus) => unknown,
  withinMs = 120_000,
): Promise<PodRead> {
  let last: PodRead | undefined;
  const got = await becomes(async () => {
    last = await statusOf(cluster, name);
    return Boolean(wanted(last.status));
  }, withinMs);
  if (!got || last === undefined) throw new Error(`pod ${name} stays as it is: ${JSON.stringify(last?.status)}`);
  return last;
}
