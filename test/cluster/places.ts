import { join } from 'node:path';
import { cacheDir, runDir } from '../node/cache.ts';

export type ClusterRuntime = 'docker' | 'containerd';

/** What a cluster is told when it is brought up; kept in its directory, for whoever asks for it later. */
export interface ClusterPlan {
  readonly name: string;
  readonly runtime: ClusterRuntime;
  /** The kubelet's `--root-dir`. `standard` is /var/lib/kubelet, which only the node's own namespace and its pods see. */
  readonly kubeletRoot: 'own' | 'standard';
  /** A container's log is rotated where its file is longer: at once by dockerd, every ten seconds by a kubelet on CRI. */
  readonly logFileKiB: number;
}

/** Log files of a container that are kept, the one written to included. */
export const logFiles = 5;

/** Paths of one cluster, by its name: what lives while it runs is below `run`. */
export class Places {
  readonly name: string;
  readonly run: string;

  constructor(name: string) {
    if (!/^[a-z0-9-]{1,32}$/.test(name)) throw new Error(`${name} is no name for a cluster: a-z, 0-9 and - only`);
    this.name = name;
    this.run = join(runDir, this.id);
  }

  /** Its name among everything that tests put on the machine. */
  get id(): string {
    return `cluster-${this.name}`;
  }

  /** The name of its Docker engine; another than its own, since an engine ends with all that is in its cgroup. */
  get engine(): string {
    return `${this.id}-engine`;
  }

  /** The parent of all cgroups of its pods, `kubepods` being the next level. */
  get cgroup(): string {
    return `/podhand-test-${this.id}`;
  }

  /** The kubelet's directory, shared with the node's mount namespace: what is mounted below it is seen on both sides. */
  get kubelet(): string {
    return join(this.run, 'kubelet');
  }

  /** The node's /var/log: `pods` and `containers` are there. */
  get log(): string {
    return join(this.run, 'var-log');
  }

  get pki(): string {
    return join(this.run, 'pki');
  }

  /** What its containerd keeps while it runs; too large for a /run that may be in memory. */
  get containerdRoot(): string {
    return cacheDir('clusters', `${this.name}.containerd`);
  }

  get lock(): string {
    return cacheDir('clusters', `${this.name}.lock`);
  }

  at(...below: string[]): string {
    return join(this.run, ...below);
  }
}
