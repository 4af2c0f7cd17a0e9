import type { RootfsName } from './rootfs.ts';

/**
 * A way of having real pods on this machine. The same test runs over each: Docker, as a kubelet with dockershim drives
 * it, plain namespaces, as any CRI runtime leaves them behind on a node, and a real cluster.
 */
export interface TestRuntime {
  readonly name: 'docker' | 'namespaces' | 'cluster';
  /** The kubelet's root directory: volumes of a pod are below `pods/<uid>/volumes`. */
  readonly kubeletDir: string;
  /** A pod's socket directory is `<socketsDir>/<uid>`; the agent under test has to be told so. */
  readonly socketsDir: string;
  /** Makes a pod without containers. The uid is random; name and namespace default to something unique. */
  pod(options?: PodOptions): Promise<TestPod>;
  /** Removes every pod that this object made: processes, mounts, cgroups, files. May be called twice. */
  close(): Promise<void>;
}

export interface PodOptions {
  readonly name?: string;
  readonly namespace?: string;
  /** Docker only: also a sandbox ("pause") container, as dockershim makes one per pod. */
  readonly sandbox?: boolean;
  /** Docker and cluster: its containers are in the pid namespace of the node. */
  readonly hostPid?: boolean;
  /** Cluster only: over what is usual in the pod's `spec`. */
  readonly spec?: object;
}

export interface TestPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Where the agent's socket of this pod has to be. Made by the first container that mounts it. */
  readonly socketDir: string;
  /** The pod's cgroup, below the root of each hierarchy. */
  readonly cgroup: string;
  /**
   * Creates a container and, unless `start` is false, starts it: resolves once the user's command runs. A cluster's pod
   * gets no further container once one was started.
   */
  run(spec: ContainerSpec): Promise<TestContainer>;
  /** The volume's directory on the node, made if need be. */
  volumeDir(volume: string, kind?: 'emptyDir' | 'secret'): Promise<string>;
  remove(): Promise<void>;
}

export interface ContainerSpec {
  readonly name: string;
  /** Absent: what the image says (Docker only). */
  readonly command?: readonly string[];
  /** A root tree of ours (default busybox); with Docker also any image of `images.ts`. */
  readonly image?: RootfsName | `podhand-test/${string}`;
  /** Name or number, `user:group` too. Default root. */
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly workingDir?: string;
  /** Docker only; the plain namespaces refuse it. */
  readonly tty?: boolean;
  readonly memoryBytes?: number;
  /** Cluster only: beside those that the runtime gives (`SYS_ADMIN`). */
  readonly capabilities?: readonly string[];
  readonly volumes?: readonly VolumeMount[];
  /** The attempt, from 0. A second container of the same name has to have another one. */
  readonly restartCount?: number;
  readonly start?: boolean;
  /** Mounts the pod's socket directory, read-only, at /run/podhand. */
  readonly socketDir?: boolean;
  /** Mounts this checkout, read-only, at /podhand: with image `node` the client runs in the pod. */
  readonly checkout?: boolean;
}

export interface VolumeMount {
  readonly volume: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
  /**
   * `emptyDir` (default): a directory of the pod on the node. `secret`: a tmpfs of the pod on the node. `hostPath`: the
   * node's directory `hostPath`. `tmpfs`: exists in the container's own mount namespace alone; in a cluster an emptyDir in
   * memory. `projected`, `configMap` (the authority of the cluster), `token` (of the service account), `downwardAPI`:
   * cluster only.
   */
  readonly kind?: 'emptyDir' | 'secret' | 'projected' | 'hostPath' | 'tmpfs' | 'configMap' | 'token' | 'downwardAPI';
  /** Cluster only. */
  readonly subPath?: string;
  readonly hostPath?: string;
}

export interface TestContainer {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly restartCount: number;
  /** Of the first process, in the node's pid namespace. Rejects where there is none. */
  pid(): Promise<number>;
  /** Only after `run` with `start: false`. */
  start(): Promise<void>;
  /** Resolves when it has ended; 128 + n for a death by signal n. */
  exited(): Promise<{ readonly exitCode: number }>;
  /** To the first process; nothing happens where it has ended. */
  signal(signal: NodeJS.Signals): Promise<void>;
  /** The log file on the node: json-file or CRI format. */
  logPath(): Promise<string>;
  /** Runs a program beside the first process, as root. */
  exec(
    command: readonly string[],
  ): Promise<{ readonly exitCode: number; readonly stdout: Buffer; readonly stderr: Buffer }>;
  /** Kills it first with `force`; without, it has to have ended. Its log goes with it. */
  remove(force?: boolean): Promise<void>;
}
