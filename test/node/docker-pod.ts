import type Docker from 'dockerode';
import { DockerContainer, ignoring } from './docker-container.ts';
import { type PodTraces, recordPod, removePod } from './leftovers.ts';
import type { PodIdentity } from './pod-identity.ts';
import type { ContainerSpec, TestContainer, TestPod } from './pods.ts';
import { PodVolumes } from './volumes.ts';

/** Carried by every container that tests make, so that leftovers can be found. */
export const testLabel = 'podhand-test.pod';

export class DockerPod implements TestPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly cgroup: string;
  readonly #docker: Docker;
  readonly #volumes: PodVolumes;
  readonly #cgroupParent: string;
  readonly #hostPid: boolean;

  constructor(
    docker: Docker,
    pod: PodIdentity,
    places: { readonly kubeletDir: string; readonly socketsDir: string },
    { cgroupDriver, hostPid }: { readonly cgroupDriver: string; readonly hostPid: boolean },
  ) {
    this.#docker = docker;
    this.#hostPid = hostPid;
    this.uid = pod.uid;
    this.namespace = pod.namespace;
    this.name = pod.name;
    this.#volumes = new PodVolumes(places.kubeletDir, places.socketsDir, pod.uid);
    const slice = `kubepods-besteffort-pod${pod.uid.replaceAll('-', '_')}.slice`;
    const path = `/kubepods/besteffort/pod${pod.uid}`;
    this.#cgroupParent = cgroupDriver === 'systemd' ? slice : path;
    this.cgroup = cgroupDriver === 'systemd' ? `/kubepods.slice/kubepods-besteffort.slice/${slice}` : path;
  }

  get #traces(): PodTraces {
    return { uid: this.uid, cgroup: this.cgroup, dirs: this.#volumes.dirs };
  }

  /** Before anything of it is on the node. */
  async record(): Promise<void> {
    await recordPod(this.#traces);
  }

  get socketDir(): string {
    return this.#volumes.socketDir;
  }

  async volumeDir(volume: string, kind: 'emptyDir' | 'secret' = 'emptyDir'): Promise<string> {
    return await this.#volumes.directory(volume, kind);
  }

  async run(spec: ContainerSpec): Promise<TestContainer> {
    const attempt = spec.restartCount ?? 0;
    const labels = { 'annotation.io.kubernetes.container.restartCount': `${attempt}` };
    const created = await this.#create('container', spec.name, attempt, {
      Image: imageOf(spec),
      Labels: labels,
      ...(spec.command && { Entrypoint: [...spec.command] }),
      ...(spec.user !== undefined && { User: spec.user }),
      ...(spec.workingDir !== undefined && { WorkingDir: spec.workingDir }),
      Env: Object.entries(spec.env ?? {}).map(([name, value]) => `${name}=${value}`),
      Tty: spec.tty ?? false,
      HostConfig: {
        ...(spec.memoryBytes !== undefined && { Memory: spec.memoryBytes, MemorySwap: spec.memoryBytes }),
        Mounts: (await this.#volumes.mountsOf(spec)).map(({ source, target, readOnly }) => ({
          Type: source === undefined ? ('tmpfs' as const) : ('bind' as const),
          Source: source ?? '',
          Target: target,
          ReadOnly: readOnly,
        })),
      },
    });
    const container = new DockerContainer(this.#docker, created.id, spec.name, attempt);
    if (spec.start ?? true) await container.start();
    return container;
  }

  /** The container that dockershim keeps for a pod's namespaces; not one of the pod's own. */
  async startSandbox(): Promise<void> {
    const command = ['sleep', '86400'];
    const sandbox = await this.#create('podsandbox', 'POD', 0, {
      Image: imageOf({ name: 'POD' }),
      Entrypoint: command,
    });
    await sandbox.start();
  }

  #create(
    type: string,
    name: string,
    attempt: number,
    options: Docker.ContainerCreateOptions,
  ): Promise<Docker.Container> {
    return this.#docker.createContainer({
      ...options,
      name: `k8s_${name}_${this.name}_${this.namespace}_${this.uid}_${attempt}`,
      Labels: {
        [testLabel]: this.uid,
        'io.kubernetes.pod.uid': this.uid,
        'io.kubernetes.pod.name': this.name,
        'io.kubernetes.pod.namespace': this.namespace,
        'io.kubernetes.container.name': name,
        'io.kubernetes.docker.type': type,
        ...options.Labels,
      },
      HostConfig: {
        ...options.HostConfig,
        CgroupParent: this.#cgroupParent,
        NetworkMode: 'none',
        ...(this.#hostPid && { PidMode: 'host' }),
        LogConfig: { Type: 'json-file', Config: {} },
      },
    });
  }

  async remove(): Promise<void> {
    const own = { all: true, filters: { label: [`${testLabel}=${this.uid}`] } };
    const found = await this.#docker.listContainers(own);
    await Promise.all(
      found.map(({ Id }) => this.#docker.getContainer(Id).remove({ force: true, v: true }).catch(ignoring(404, 409))),
    );
    await removePod(this.#traces);
  }
}

function imageOf(spec: ContainerSpec): string {
  const image = spec.image ?? 'busybox';
  return image.includes('/') ? image : `podhand-test/${image}`;
}
