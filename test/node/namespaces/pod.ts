import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { cacheDir } from '../cache.ts';
import { type PodTraces, recordPod, removePod } from '../leftovers.ts';
import type { PodIdentity } from '../pod-identity.ts';
import type { ContainerSpec, TestContainer, TestPod } from '../pods.ts';
import type { RootfsName } from '../rootfs.ts';
import { PodVolumes } from '../volumes.ts';
import { NamespaceContainer } from './container.ts';
import type { Bundle } from './protocol.ts';
import { ensureRootTree } from './root-tree.ts';
import type { Supervision } from './supervision.ts';

interface NodeDirs {
  readonly kubeletDir: string;
  readonly socketsDir: string;
  readonly logDir: string;
}

export class NamespacePod implements TestPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly cgroup: string;
  readonly #dirs: NodeDirs;
  readonly #supervision: Supervision;
  readonly #volumes: PodVolumes;
  readonly #containers: NamespaceContainer[] = [];

  constructor(dirs: NodeDirs, supervision: Supervision, pod: PodIdentity) {
    this.#dirs = dirs;
    this.#supervision = supervision;
    this.uid = pod.uid;
    this.namespace = pod.namespace;
    this.name = pod.name;
    this.cgroup = `/kubepods/besteffort/pod${pod.uid}`;
    this.#volumes = new PodVolumes(dirs.kubeletDir, dirs.socketsDir, pod.uid);
  }

  get socketDir(): string {
    return this.#volumes.socketDir;
  }

  get #logDir(): string {
    return join(this.#dirs.logDir, 'pods', `${this.namespace}_${this.name}_${this.uid}`);
  }

  get #bundlesDir(): string {
    return cacheDir('bundles', this.uid);
  }

  get #linksDir(): string {
    return join(this.#dirs.logDir, 'containers');
  }

  get #traces(): PodTraces {
    const dirs = [...this.#volumes.dirs, this.#logDir, this.#bundlesDir];
    return { uid: this.uid, cgroup: this.cgroup, dirs, linksDir: this.#linksDir };
  }

  /** Before anything of it is on the node. */
  async record(): Promise<void> {
    await recordPod(this.#traces);
  }

  async volumeDir(volume: string, kind: 'emptyDir' | 'secret' = 'emptyDir'): Promise<string> {
    return await this.#volumes.directory(volume, kind);
  }

  async run(spec: ContainerSpec): Promise<TestContainer> {
    const attempt = spec.restartCount ?? 0;
    const id = newId();
    const link = `${this.name}_${this.namespace}_${spec.name}-${id}.log`;
    const log = { path: join(this.#logDir, spec.name, `${attempt}.log`), link: join(this.#linksDir, link) };
    return await this.#create(spec, { id, log });
  }

  /** The container that a runtime keeps for a pod's namespaces: a cgroup beside the others, no log. */
  async startSandbox(): Promise<void> {
    await this.#create({ name: 'POD', image: 'scratch', command: ['/bin/sleep', '86400'] }, { id: newId() });
  }

  async #create(spec: ContainerSpec, made: Pick<Bundle, 'id' | 'log'>): Promise<TestContainer> {
    if (spec.tty) throw new Error('plain namespaces have no TTY: use Docker');
    if (spec.command === undefined) throw new Error('plain namespaces know no images: the command is missing');
    const bundle: Bundle = {
      ...made,
      dir: join(this.#bundlesDir, made.id),
      lower: await ensureRootTree(treeOf(spec)),
      argv: spec.command,
      env: spec.env ?? {},
      cwd: spec.workingDir ?? '/',
      user: spec.user ?? '0',
      mounts: await this.#volumes.mountsOf(spec),
      cgroup: `${this.cgroup}/${made.id}`,
      ...(spec.memoryBytes !== undefined && { memoryBytes: spec.memoryBytes }),
    };
    const { pid } = await this.#supervision.call('create', bundle);
    const container = new NamespaceContainer(this.#supervision, bundle, spec.name, spec.restartCount ?? 0, pid);
    this.#containers.push(container);
    if (spec.start ?? true) await container.start();
    return container;
  }

  async remove(): Promise<void> {
    // A supervisor that has died cannot help; what it leaves is removed all the same.
    await Promise.allSettled(this.#containers.map((container) => container.remove(true)));
    await removePod(this.#traces);
  }
}

function newId(): string {
  return randomBytes(32).toString('hex');
}

function treeOf({ image = 'busybox' }: ContainerSpec): RootfsName {
  if (image === 'busybox' || image === 'scratch' || image === 'node') return image;
  throw new Error(`image ${image} is Docker's; plain namespaces have busybox, scratch and node`);
}
