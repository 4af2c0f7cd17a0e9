import type { ContainerMount } from '../volumes.ts';

/** What the supervisor makes a container from. Paths are the node's, except those of `mounts[].target` and `cwd`. */
export interface Bundle {
  readonly id: string;
  /** Directory of this container alone. */
  readonly dir: string;
  /** The image's root tree, which many containers share. */
  readonly lower: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Name or number, with `:group` or without; looked up in the image. */
  readonly user: string;
  readonly mounts: readonly ContainerMount[];
  readonly cgroup: string;
  readonly memoryBytes?: number;
  /** Absent for a sandbox, which has no log. */
  readonly log?: { readonly path: string; readonly link: string };
}

/** The supervisor's methods: parameters and result of each. */
export interface Methods {
  create: { params: Bundle; result: { pid: number } };
  start: { params: { id: string }; result: null };
  exited: { params: { id: string }; result: { exitCode: number } };
  signal: { params: { id: string; signal: NodeJS.Signals }; result: null };
  /** As a kubelet rotates: the file is renamed to `to`, and the log goes on in a new one at the old place. */
  rotate: { params: { id: string; to: string }; result: null };
  remove: { params: { id: string; force: boolean }; result: null };
}

export interface Request<M extends keyof Methods = keyof Methods> {
  readonly call: number;
  readonly method: M;
  readonly params: Methods[M]['params'];
}

export interface Response {
  readonly call: number;
  readonly result?: unknown;
  readonly error?: string;
}
