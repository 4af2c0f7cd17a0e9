import { chmod, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { mountsBelow } from './mounts.ts';
import type { ContainerSpec, VolumeMount } from './pods.ts';
import { must } from './processes.ts';

/** A bind mount from the node into a container; `source` is absent for a tmpfs of the container's own. */
export interface ContainerMount {
  readonly source?: string;
  readonly target: string;
  readonly readOnly: boolean;
}

const checkout = resolve(import.meta.dirname, '../..');

/** The directories of one pod on the node, where a kubelet has them. */
export class PodVolumes {
  readonly socketDir: string;
  readonly #podDir: string;

  constructor(kubeletDir: string, socketsDir: string, podUid: string) {
    this.#podDir = join(kubeletDir, 'pods', podUid);
    this.socketDir = join(socketsDir, podUid);
  }

  /** All that is the pod's on the node. */
  get dirs(): string[] {
    return [this.#podDir, this.socketDir];
  }

  async directory(volume: string, kind: 'emptyDir' | 'secret'): Promise<string> {
    const dir = join(
      this.#podDir,
      'volumes',
      kind === 'secret' ? 'kubernetes.io~secret' : 'kubernetes.io~empty-dir',
      volume,
    );
    await mkdir(dir, { recursive: true });
    if (kind === 'secret' && (await mountsBelow(dir)).length === 0) await must(['mount', '-t', 'tmpfs', 'tmpfs', dir]);
    if (kind === 'emptyDir') await chmod(dir, 0o777);
    return dir;
  }

  /** What a container mounts, in the order of its specification. */
  async mountsOf(spec: ContainerSpec): Promise<ContainerMount[]> {
    const mounts: ContainerMount[] = [];
    for (const mount of spec.volumes ?? []) {
      const source = await this.#source(mount);
      mounts.push({ ...(source && { source }), target: mount.mountPath, readOnly: mount.readOnly ?? false });
    }
    if (spec.socketDir) {
      await mkdir(this.socketDir, { recursive: true });
      mounts.push({ source: this.socketDir, target: '/run/podhand', readOnly: true });
    }
    if (spec.checkout) mounts.push({ source: checkout, target: '/podhand', readOnly: true });
    return mounts;
  }

  async #source(mount: VolumeMount): Promise<string | undefined> {
    const kind = mount.kind ?? 'emptyDir';
    if (kind === 'tmpfs') return undefined;
    if (kind === 'emptyDir' || kind === 'secret') return await this.directory(mount.volume, kind);
    if (kind !== 'hostPath') throw new Error(`volume ${mount.volume}: a ${kind} volume takes a cluster`);
    if (mount.hostPath === undefined) throw new Error(`volume ${mount.volume}: hostPath missing`);
    return mount.hostPath;
  }
}
