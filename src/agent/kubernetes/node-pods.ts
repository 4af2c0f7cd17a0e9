import type { ContainersRole } from '../executors/roles.ts';
import type { PodStore } from '../pods/store.ts';
import type { PodJson } from './pod-json.ts';

/** The pods of this node as a kubelet or an API server tells of them. */
export interface NodePods extends ContainersRole {
  /** The store that is fed; undefined before. */
  readonly store: PodStore | undefined;
  /** The pod as it was last told of. */
  pod(uid: string): PodJson | undefined;
  /** Something is about to end: to be looked at more often, where looking is all that can be done. */
  hasten(): void;
}

/** What the two servers have different paths for. `path` with its query. */
export interface ContainerPaths {
  log(place: ContainerPlace, query: LogPathQuery): string;
  exec(place: ContainerPlace, argv: readonly string[]): string;
}

export interface ContainerPlace {
  readonly namespace: string;
  readonly podName: string;
  readonly podUid: string;
  readonly container: string;
}

export interface LogPathQuery {
  readonly follow: boolean;
  /** The attempt before the present one. */
  readonly previous: boolean;
  readonly tailLines: number | undefined;
  /** RFC 3339 with nanoseconds, in UTC. */
  readonly sinceTime: string | undefined;
}
