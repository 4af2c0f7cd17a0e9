/** A pod of this node, as its source names it. */
export interface Pod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Where the source has them; `containerRuntimeExecutors` selects by them. */
  readonly labels?: Readonly<Record<string, string>>;
}

export type ContainerKind = 'regular' | 'init' | 'sidecar' | 'ephemeral';

/** `unknown`: it is gone, and how it ended cannot be known any more. */
export type ContainerState = 'waiting' | 'running' | 'exited' | 'unknown';

/**
 * One attempt (one restart) of a container of a pod. `id` is the runtime's id, 64 hexadecimal digits, or empty as long
 * as the runtime has not made the container; `restartCount` starts at 0. A re-created container has the same name, another id and a higher restart count.
 */
export interface Container {
  readonly podUid: string;
  readonly name: string;
  readonly id: string;
  readonly image: string;
  readonly imageId: string;
  readonly kind: ContainerKind;
  readonly restartCount: number;
  readonly state: ContainerState;
  /** For people: OOMKilled, ContainerCannotRun, Completed, Error... */
  readonly reason?: string;
  readonly createdAt?: Date;
  readonly startedAt?: Date;
  /** The node's log file of this container, where the source names one. Absolute path on the node. */
  readonly logPath?: string;
  /** Present in the states `exited` and `unknown`. */
  readonly exit?: ContainerExit;
}

/** How an attempt ended, as far as its source knows. */
export interface ContainerExit {
  /** 0..255, 128 + signal for a death by signal; absent where it cannot be known: `unknownReason` says why. */
  readonly exitCode?: number;
  /** Only where the source tells a death by signal from an exit with 128 + n. */
  readonly signal?: number;
  readonly oomKilled: boolean;
  readonly finishedAt?: Date;
  readonly message?: string;
  readonly unknownReason?: string;
  /** `emissary`: the pod's own word, until the runtime tells another exit code. */
  readonly source: 'docker-event' | 'docker-inspect' | 'pidfd' | 'pod-status' | 'node-log' | 'emissary' | 'record';
}

/** Figures of a container's cgroup; absent where the kernel does not have one. Bytes, seconds, counts. */
export interface Usage {
  readonly cpuSeconds?: number;
  readonly memoryBytes?: number;
  readonly peakMemoryBytes?: number;
  readonly readBytes?: number;
  readonly writeBytes?: number;
  readonly pids?: number;
  readonly oomKills?: number;
}

/** Whether an attempt has ended, known or not. */
export function hasEnded(container: Container): boolean {
  return container.state === 'exited' || container.state === 'unknown';
}
