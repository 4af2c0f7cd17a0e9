import type { FileSource } from '../files/source.ts';
import type { SaveOptions } from '../files/write-place.ts';
import type { Container, Usage } from '../pods/model.ts';
import type { PodStore } from '../pods/store.ts';

export type ExecutorName = 'docker' | 'kubelet' | 'k8sapi' | 'pns' | 'emissary';

/**
 * What an executor offers. A role that it does not have is an absent property, known at start-up and shown by GetInfo;
 * calling for it answers ROLE_NOT_OFFERED with `capabilities`' note. Roles never see who calls: the service has
 * already found the container in the caller's own pod.
 */
export interface Executor {
  readonly name: ExecutorName;
  readonly capabilities: readonly ExecutorCapability[];
  readonly containers: ContainersRole;
  readonly logs?: LogsRole;
  readonly files?: FilesRole;
  readonly signal?: SignalRole;
  readonly entrypoint?: EntrypointRole;
  readonly stats?: StatsRole;
}

/** The executors of one agent and what they share. */
export interface ExecutorSet {
  readonly byName: ReadonlyMap<ExecutorName, Executor>;
  /** What writing into a volume of a pod's caller takes. */
  saving(podUid: string): SaveOptions;
  /** Whether a process of the pod is held, its sandbox's included. Absent: these executors see no processes. */
  hasProcesses?(podUid: string): boolean;
  /** Containers whose process and root are held open. */
  heldCount(): number;
  /** Readers at work, transfers that wait for one, and readers that are stuck. */
  readers(): { readonly running: number; readonly waiting: number; readonly lost: number };
  /** Lets go of everything that is held. */
  close(): Promise<void>;
}

/** One line of the capability table; names are listed in `capabilities.ts`. */
export interface ExecutorCapability {
  readonly name: CapabilityName;
  readonly supported: boolean;
  /** Why not and what to do, or what it takes. */
  readonly note?: string;
}

export const capabilityNames = [
  'containers',
  'wait',
  'wait.exit_code',
  'wait.signal',
  'wait.oom',
  'logs',
  'logs.split',
  'logs.follow',
  'logs.since',
  'logs.tail',
  'logs.resume',
  'logs.tty',
  'files.base_layer.running',
  'files.base_layer.exited',
  'files.volume.running',
  'files.volume.exited',
  'files.container_user',
  'files.sparse',
  'save.in_kernel',
  'kill',
  'kill.sigkill',
  'entrypoint',
  'stats',
] as const;

export type CapabilityName = (typeof capabilityNames)[number];

/**
 * Pods and containers of the node, and how they end. This role is also what Wait stands on: every state change,
 * the exit included, is a `put` into the store, from one shared event stream or watch.
 */
export interface ContainersRole {
  /**
   * Feeds the store until `signal` aborts. Resolves once the first complete list is in the store; the feeding goes on
   * behind it. A lost connection to the runtime is survived inside: reconnect with back-off, list again, and put what
   * changed meanwhile. A container that vanished meanwhile is put as `unknown` with its reason, or as `exited` if it is
   * known how it ended.
   */
  feed(store: PodStore, signal: AbortSignal): Promise<void>;
  /** False while the runtime cannot be reached; a call that needs it then fails fast with RUNTIME_UNAVAILABLE. */
  readonly connected: boolean;
}

export type LogStreamName = 'stdout' | 'stderr';

export interface LogOptions {
  /** Both in the order of the runtime where absent. */
  readonly stream?: LogStreamName;
  /** Go on until the container has ended and its output is drained. */
  readonly follow: boolean;
  readonly tailLines?: number;
  readonly since?: Date;
  /** From an earlier chunk of the same container. */
  readonly cursor?: Buffer;
  readonly timestamps: boolean;
}

export interface LogChunk {
  /** Where the executor cannot tell the two apart, all is stdout. */
  readonly stream: LogStreamName;
  /** 1 to 65,536 bytes of that stream: whole lines where they fit. */
  readonly data: Buffer;
  readonly time?: Date;
  /** Opaque, at most 256 bytes; resumes after this chunk. */
  readonly cursor: Buffer;
}

export interface LogsRole {
  /**
   * The output of one attempt. Pulls: nothing is read ahead of the consumer beyond a bounded buffer. Ends cleanly only
   * when everything was given; everything else is a PodhandError (LOG_LOST, LOGS_UNAVAILABLE, INVALID_CURSOR,
   * RUNTIME_UNAVAILABLE).
   */
  read(container: Container, options: LogOptions, signal: AbortSignal): AsyncIterable<LogChunk>;
}

export interface FilesRole {
  /**
   * The files of one attempt, running or ended, to be released by the caller.
   * Errors: CONTAINER_NOT_STARTED, CONTAINER_NOT_SEEN, RUNTIME_UNAVAILABLE.
   */
  open(container: Container, signal: AbortSignal): Promise<FileSource>;
}

export interface SignalRole {
  /** Why KILL does not end a container for sure; absent where it does. With it KILL is refused: SIGKILL_NOT_OFFERED. */
  readonly withoutKill?: string;
  /**
   * Sends one signal to the container's first process. `gone`: it has ended; nothing was sent.
   * `number` is one of the allowed signals (see kill/signals.ts).
   */
  send(container: Container, number: number, signal: AbortSignal): Promise<'sent' | 'gone'>;
}

/** An image's own configuration, as the image says it. */
export interface ImageConfig {
  readonly image: string;
  readonly imageId: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workingDir: string;
  readonly user: string;
}

export interface EntrypointRole {
  /** The configuration of the image of *that container*, by image id. Errors: IMAGE_NOT_FOUND. */
  image(container: Container, signal: AbortSignal): Promise<ImageConfig>;
}

export interface ContainerSample {
  readonly usage: Usage;
  /** Processes of the container as the node numbers them, at most 100. */
  readonly pids: readonly number[];
}

export interface StatsRole {
  /** Figures of a running container; undefined once it has ended. */
  sample(container: Container, signal: AbortSignal): Promise<ContainerSample | undefined>;
  /** Figures at the container's end, as last seen; undefined where they were not seen. */
  final(container: Container): Usage | undefined;
}
