import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import pino from 'pino';
import { Engine } from '../../src/agent/executors/docker/engine.ts';
import { DockerContainers } from '../../src/agent/executors/docker/watch/containers.ts';
import type { Container } from '../../src/agent/pods/model.ts';
import { ToldStore } from '../node/told-store.ts';

export const silent = pino({ level: 'silent' });
export const busybox = 'podhand-test/busybox:latest';

/** A pod of a node without Kubernetes: containers with its labels, on a real engine. */
export class LabelledPod {
  readonly uid = randomUUID();
  readonly namespace = 'tests';
  readonly name = `pod-${this.uid.slice(0, 8)}`;
  readonly #docker: Docker;
  readonly #made: Docker.Container[] = [];

  constructor(docker: Docker) {
    this.#docker = docker;
  }

  async create(
    name: string,
    command: readonly string[],
    options: Docker.ContainerCreateOptions = {},
  ): Promise<Docker.Container> {
    const container = await this.#docker.createContainer({
      Image: busybox,
      ...options,
      Entrypoint: [...command],
      Labels: {
        'io.kubernetes.pod.uid': this.uid,
        'io.kubernetes.pod.name': this.name,
        'io.kubernetes.pod.namespace': this.namespace,
        'io.kubernetes.container.name': name,
        ...options.Labels,
      },
      HostConfig: { NetworkMode: 'none', ...options.HostConfig },
    });
    this.#made.push(container);
    return container;
  }

  async run(
    name: string,
    command: readonly string[],
    options: Docker.ContainerCreateOptions = {},
  ): Promise<Docker.Container> {
    const container = await this.create(name, command, options);
    await container.start();
    return container;
  }

  /** Runs a shell command in it to its end. */
  async sh(name: string, script: string, options: Docker.ContainerCreateOptions = {}): Promise<Docker.Container> {
    const container = await this.create(name, ['/bin/sh', '-c', script], options);
    await container.start();
    await container.wait();
    return container;
  }

  async remove(): Promise<void> {
    for (const container of this.#made.splice(0)) await container.remove({ force: true, v: true }).catch(() => {});
  }
}

/** A store that is fed from the engine, and everything that it was told, in order. */
export class FedStore extends ToldStore {
  readonly containers: DockerContainers;
  readonly engine: Engine;

  constructor(socketPath: string, podRemovalDelayMs = 60_000) {
    super();
    this.engine = new Engine(socketPath);
    this.containers = new DockerContainers(this.engine, silent, podRemovalDelayMs);
  }

  async start(): Promise<this> {
    await this.containers.feed(this.store, this.signal);
    return this;
  }

  async close(): Promise<void> {
    this.stop();
    await this.engine.close();
  }
}

/** A container of the pod as a call has found it. */
export function containerOf(pod: LabelledPod, id: string): Container {
  return {
    podUid: pod.uid,
    name: 'main',
    id,
    image: '',
    imageId: '',
    kind: 'regular',
    restartCount: 0,
    state: 'running',
  };
}
