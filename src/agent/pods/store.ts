import type { Container, Pod } from './model.ts';

export type PodChange =
  | { readonly type: 'container'; readonly pod: Pod; readonly container: Container }
  | { readonly type: 'pod-added' | 'pod-removed'; readonly pod: Pod };

/** At most this many containers of a pod are kept, attempts included; the oldest ended ones go first. */
const maxContainersPerPod = 1000;

interface Entry {
  pod: Pod;
  /** By runtime id (by its place before it has one), in the order in which they were created. */
  containers: Map<string, Container>;
}

/**
 * What is known of this node's pods: fed by the one executor's containers role, read by every call. One store per
 * agent, so that the number of waiting calls costs the runtime nothing.
 */
export class PodStore {
  readonly #pods = new Map<string, Entry>();
  readonly #listeners = new Set<(change: PodChange) => void>();
  readonly #podListeners = new Map<string, Set<(change: PodChange) => void>>();

  /** Adds or replaces one attempt of a container, and its pod where it is new. Listeners hear it synchronously. */
  put(pod: Pod, container: Container): void {
    const entry = this.#entry(pod);
    // The runtime has made it by now: it goes on under its own id.
    if (container.id !== '') entry.containers.delete(placeOf(container));
    entry.containers.set(container.id || placeOf(container), container);
    this.#bound(entry);
    this.#tell({ type: 'container', pod: entry.pod, container });
  }

  /** Makes a pod known before its first container is. */
  addPod(pod: Pod): void {
    this.#entry(pod);
  }

  /** Forgets a pod: its sockets go, and calls that wait for it end with POD_NOT_FOUND. */
  removePod(uid: string): void {
    const entry = this.#pods.get(uid);
    if (entry === undefined) return;
    this.#pods.delete(uid);
    this.#tell({ type: 'pod-removed', pod: entry.pod });
  }

  pods(): Pod[] {
    return [...this.#pods.values()].map((entry) => entry.pod);
  }

  pod(uid: string): Pod | undefined {
    return this.#pods.get(uid)?.pod;
  }

  /** By `namespace/name`; the newest where two pods of that name are still known. */
  podByName(name: string): Pod | undefined {
    return this.pods().findLast((pod) => `${pod.namespace}/${pod.name}` === name);
  }

  /** Every attempt of every container of the pod, oldest first. */
  attempts(podUid: string): Container[] {
    return [...(this.#pods.get(podUid)?.containers.values() ?? [])];
  }

  /** The newest attempt of each container of the pod, in the order in which the names were first seen. */
  containers(podUid: string): Container[] {
    const newest = new Map<string, Container>();
    for (const container of this.attempts(podUid)) {
      const seen = newest.get(container.name);
      if (seen === undefined || isNewer(container, seen)) newest.set(container.name, container);
    }
    return [...newest.values()];
  }

  /** The newest attempt of one container of the pod. */
  container(podUid: string, name: string): Container | undefined {
    return this.containers(podUid).find((container) => container.name === name);
  }

  byId(podUid: string, id: string): Container | undefined {
    return this.#pods.get(podUid)?.containers.get(id);
  }

  /** The pod and container of a runtime id, whichever pod it is of. For identity and for the node's own bookkeeping. */
  find(id: string): { pod: Pod; container: Container } | undefined {
    for (const entry of this.#pods.values()) {
      const container = entry.containers.get(id);
      if (container !== undefined) return { pod: entry.pod, container };
    }
    return undefined;
  }

  /** Calls `listener` after each change, until `signal` aborts. With a pod uid: only for that pod. */
  subscribe(listener: (change: PodChange) => void, signal: AbortSignal, podUid?: string): void {
    if (signal.aborted) return;
    const set = podUid === undefined ? this.#listeners : this.#setOf(podUid);
    set.add(listener);
    signal.addEventListener(
      'abort',
      () => {
        set.delete(listener);
        if (podUid !== undefined && set.size === 0) this.#podListeners.delete(podUid);
      },
      { once: true },
    );
  }

  #setOf(podUid: string): Set<(change: PodChange) => void> {
    const existing = this.#podListeners.get(podUid);
    if (existing !== undefined) return existing;
    const made = new Set<(change: PodChange) => void>();
    this.#podListeners.set(podUid, made);
    return made;
  }

  #entry(pod: Pod): Entry {
    const existing = this.#pods.get(pod.uid);
    if (existing !== undefined) return existing;
    const entry: Entry = { pod: Object.freeze({ ...pod }), containers: new Map() };
    this.#pods.set(pod.uid, entry);
    this.#tell({ type: 'pod-added', pod: entry.pod });
    return entry;
  }

  #bound(entry: Entry): void {
    if (entry.containers.size <= maxContainersPerPod) return;
    for (const [id, container] of entry.containers) {
      if (container.state === 'running' || container.state === 'waiting') continue;
      entry.containers.delete(id);
      return;
    }
  }

  #tell(change: PodChange): void {
    for (const listener of [...this.#listeners]) listener(change);
    for (const listener of [...(this.#podListeners.get(change.pod.uid) ?? [])]) listener(change);
  }
}

function placeOf({ name, restartCount }: Container): string {
  return `${name} ${restartCount}`;
}

function isNewer(a: Container, b: Container): boolean {
  if (a.restartCount !== b.restartCount) return a.restartCount > b.restartCount;
  return (a.createdAt?.getTime() ?? 0) >= (b.createdAt?.getTime() ?? 0);
}
