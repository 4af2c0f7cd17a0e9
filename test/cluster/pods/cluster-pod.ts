import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerSpec, TestPod } from '../../node/pods.ts';
import type { Cluster } from '../cluster.ts';
import type { ContainerStatus } from '../pod-objects.ts';
import type { AdminApi, PodObject } from './api.ts';
import { ClusterContainer } from './cluster-container.ts';
import { gateVolume, podManifest, secretName } from './manifest.ts';

/** Less than a test has: what is not as wanted is to be told. */
const withinMs = 100_000;

export interface ClusterPodOptions {
  readonly cluster: Cluster;
  readonly api: AdminApi;
  readonly namespace: string;
  readonly name: string;
  readonly socketsDir: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the pod's `spec`, over what is usual here. */
  readonly spec?: object;
  /** See ManifestOptions. */
  readonly emissary?: boolean;
}

/**
 * A real pod. Its containers are fixed when it is created: they are those that `run` was told of until the first of them
 * was started, and those with `start: false` among them wait until `start`.
 */
export class ClusterPod implements TestPod {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly name: string;
  readonly #options: ClusterPodOptions;
  readonly #containers: ClusterContainer[] = [];
  #created: Promise<PodObject> | undefined;
  #uid: string | undefined;

  constructor(options: ClusterPodOptions) {
    this.#options = options;
    this.cluster = options.cluster;
    this.namespace = options.namespace;
    this.name = options.name;
  }

  get uid(): string {
    if (this.#uid === undefined) throw new Error(`pod ${this.name} has no uid before a container of it was started`);
    return this.#uid;
  }

  get socketDir(): string {
    return join(this.#options.socketsDir, this.uid);
  }

  get cgroup(): string {
    return join(this.cluster.cgroup, 'kubepods/besteffort', `pod${this.uid}`);
  }

  get path(): string {
    return `/api/v1/namespaces/${this.namespace}/pods/${this.name}`;
  }

  async run(spec: ContainerSpec): Promise<ClusterContainer> {
    if (this.#created !== undefined) {
      throw new Error(`${spec.name}: a pod of a cluster gets no further containers; tell it of them with start: false`);
    }
    const container = new ClusterContainer(this, spec);
    this.#containers.push(container);
    if (spec.start === false) return container;
    await this.create();
    await container.begun();
    return container;
  }

  /** Creates it with all the containers that it was told of. Once. */
  async create(): Promise<void> {
    this.#created ??= this.#create();
    await this.#created;
  }

  async openGate(container: string): Promise<void> {
    await writeFile(join(await this.volumeDir(gateVolume), container), '');
  }

  async volumeDir(volume: string, kind: 'emptyDir' | 'secret' = 'emptyDir'): Promise<string> {
    const plugin = kind === 'secret' ? 'kubernetes.io~secret' : 'kubernetes.io~empty-dir';
    return join(this.cluster.kubeletDir, 'pods', this.uid, 'volumes', plugin, volume);
  }

  /** The status of a container once it is as wanted. */
  async until(name: string, wanted: (status: ContainerStatus) => boolean): Promise<ContainerStatus> {
    let seen: ContainerStatus | undefined;
    for (const end = Date.now() + withinMs; Date.now() < end; ) {
      const pod = await this.#options.api.get<PodObject>(this.path);
      if (pod === undefined) throw new Error(`pod ${this.name} is gone`);
      seen = pod.status.containerStatuses?.find((status) => status.name === name);
      if (seen !== undefined && wanted(seen)) return seen;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`container ${name} is not as wanted within ${withinMs} ms: ${JSON.stringify(seen)}`);
  }

  async delete(gracePeriodSeconds: number): Promise<void> {
    await this.#options.api.delete(this.path, gracePeriodSeconds);
  }

  async remove(): Promise<void> {
    if (this.#created === undefined) return;
    await this.delete(0);
    for (const name of this.#secrets()) {
      await this.#options.api.delete(`/api/v1/namespaces/${this.namespace}/secrets/${name}`, 0);
    }
  }

  async #create(): Promise<PodObject> {
    const { api, labels, socketsDir, spec = {}, emissary = false } = this.#options;
    await mkdir(socketsDir, { recursive: true });
    for (const name of this.#secrets()) {
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name, labels }, stringData: { key: 'value' } };
      await api.create(`/api/v1/namespaces/${this.namespace}/secrets`, secret);
    }
    const { name, namespace } = this;
    const specs = this.#containers.map((container) => container.spec);
    const manifest = podManifest({ name, namespace, specs, socketsDir, labels, spec, emissary });
    const pod = await api.create<PodObject>(`/api/v1/namespaces/${namespace}/pods`, manifest);
    this.#uid = pod.metadata.uid;
    return pod;
  }

  #secrets(): string[] {
    const mounts = this.#containers.flatMap(({ spec }) => spec.volumes ?? []);
    const wanted = mounts.filter(({ kind }) => kind === 'secret' || kind === 'projected');
    return [...new Set(wanted.map(({ volume }) => secretName(this.name, volume)))];
  }
}
