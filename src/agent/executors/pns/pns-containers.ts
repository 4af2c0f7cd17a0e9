import type { Logger } from 'pino';
import { type Container, hasEnded, type Pod } from '../../pods/model.ts';
import { type PodChange, PodStore } from '../../pods/store.ts';
import type { HeldContainer } from '../../processes/held-container.ts';
import type { HeldContainers } from '../../processes/held-containers.ts';
import type { ContainersRole } from '../roles.ts';
import type { HeldEvents } from './held-events.ts';
import { merge } from './merge.ts';

/** Where pns has the names of containers from. */
export interface PodSource {
  readonly name: 'node-logs' | 'docker' | 'kubelet' | 'k8sapi';
  readonly containers: ContainersRole;
  /** It also tells when and how containers end. Without, it only names them. */
  readonly tellsEnd: boolean;
  /** One id may stand for several attempts, as docker restarts a container under its own. */
  readonly reusesIds: boolean;
}

/** How long one side is waited for after the other has told of a container. Milliseconds. */
export interface PnsPatience {
  /** For the process of a container that has just been named. */
  readonly process: number;
  /** For the source's word on a container that has ended. */
  readonly source: number;
}

interface Parts {
  readonly source: PodSource;
  readonly held: HeldContainers;
  readonly events: HeldEvents;
  readonly patience: PnsPatience;
  readonly log: Logger;
}

/**
 * Containers as the kernel sees them, under the names that the pod source gives them, joined by the runtime's id. A
 * container without a name is not shown (it is held all the same), one without a process only as far as the source
 * knows it.
 */
export class PnsContainers implements ContainersRole {
  readonly #parts: Parts;
  #feed: Feed | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get connected(): boolean {
    return this.#parts.source.containers.connected;
  }

  /** The store that is fed; undefined before. */
  get store(): PodStore | undefined {
    return this.#feed?.store;
  }

  /** Whether the pod source, knowing such things, has said that the container ended. */
  endedBySource(container: Container): boolean {
    const named = this.#feed?.named.byId(container.podUid, container.id);
    return this.#parts.source.tellsEnd && named !== undefined && hasEnded(named);
  }

  async feed(store: PodStore, signal: AbortSignal): Promise<void> {
    const feed = new Feed(this.#parts, store, signal);
    this.#feed = feed;
    await this.#parts.held.start(signal);
    await this.#parts.source.containers.feed(feed.named, signal);
    feed.begin();
  }
}

class Feed {
  readonly store: PodStore;
  /** What the source says, kept apart from what is shown. */
  readonly named = new PodStore();
  readonly #parts: Parts;
  readonly #signal: AbortSignal;
  readonly #overdue = new Map<string, NodeJS.Timeout>();
  /** Pods that the source has forgotten while processes of theirs still ran. */
  readonly #leaving = new Set<string>();
  /** See `heldEndedAs`. */
  readonly #endedAs = new WeakMap<HeldContainer, number>();
  #hasBegun = false;

  constructor(parts: Parts, store: PodStore, signal: AbortSignal) {
    this.#parts = parts;
    this.store = store;
    this.#signal = signal;
    this.named.subscribe((change) => this.#onNamed(change), signal);
    parts.events.subscribe((id) => this.#onHeld(id), signal);
    signal.addEventListener('abort', () => this.#close(), { once: true });
  }

  /** The source has given its first list: what it names and nobody holds by now had ended before. */
  begin(): void {
    if (this.#signal.aborted) return;
    for (const pod of this.named.pods()) {
      for (const container of this.named.attempts(pod.uid)) this.#show(pod, container);
    }
    this.#hasBegun = true;
  }

  #close(): void {
    for (const timer of this.#overdue.values()) clearTimeout(timer);
    this.#overdue.clear();
  }

  #onNamed(change: PodChange): void {
    const { pod } = change;
    if (change.type === 'container') {
      const isHeld = this.#parts.held.get(change.container.id) !== undefined;
      if (this.#hasBegun || isHeld) this.#show(pod, change.container);
    } else if (change.type === 'pod-added') this.#stay(pod);
    else this.#leave(pod.uid);
  }

  #onHeld(id: string): void {
    const found = this.named.find(id);
    if (found !== undefined) this.#show(found.pod, found.container);
    for (const uid of [...this.#leaving]) this.#leave(uid);
  }

  #stay(pod: Pod): void {
    this.#leaving.delete(pod.uid);
    this.store.addPod(pod);
  }

  #leave(uid: string): void {
    const runs = this.#parts.held.all().some((held) => held.podUid === uid && held.exit === undefined);
    if (runs && this.store.pod(uid) !== undefined) {
      this.#leaving.add(uid);
      return;
    }
    this.#leaving.delete(uid);
    this.store.removePod(uid);
  }

  #show(pod: Pod, named: Container, isOverdue = false): void {
    const { events, source, log } = this.#parts;
    const shown = this.store.byId(pod.uid, named.id);
    const held = ofPod(this.#parts.held.get(named.id), pod.uid);
    const container = merge({
      named,
      sourceTellsEnd: source.tellsEnd,
      sourceReusesIds: source.reusesIds,
      held,
      heldEndedAs: held && this.#endedAs.get(held),
      missed: events.missedContainer(named.id),
      shown,
      isOverdue,
      isOlderThanAgent: !this.#hasBegun,
    });
    if (container === 'wait') {
      if (!isOverdue) this.#await(pod, named.id);
      return;
    }
    this.#forgetTimer(named.id);
    if (shown !== undefined && isSame(shown, container)) return;
    if (container.state === 'unknown') {
      const { name, exit } = container;
      log.warn({ pod: pod.name, container: name, reason: exit?.unknownReason }, 'the end of a container is not known');
    }
    if (held?.exit !== undefined && container.exit?.source === 'pidfd') this.#endedAs.set(held, container.restartCount);
    this.store.put(pod, container);
  }

  #await(pod: Pod, id: string): void {
    if (this.#overdue.has(id)) return;
    const { held, patience } = this.#parts;
    const timer = setTimeout(
      () => {
        this.#overdue.delete(id);
        const named = this.named.byId(pod.uid, id);
        if (named !== undefined) this.#show(pod, named, true);
      },
      held.get(id) === undefined ? patience.process : patience.source,
    );
    timer.unref();
    this.#overdue.set(id, timer);
  }

  #forgetTimer(id: string): void {
    clearTimeout(this.#overdue.get(id));
    this.#overdue.delete(id);
  }
}

/** A name that claims a container of another pod's cgroup is wrong. A cgroup need not name a pod. */
function ofPod(held: HeldContainer | undefined, podUid: string): HeldContainer | undefined {
  return held?.podUid === undefined || held.podUid === podUid ? held : undefined;
}

function isSame(a: Container, b: Container): boolean {
  return (
    a.state === b.state &&
    a.restartCount === b.restartCount &&
    a.reason === b.reason &&
    a.image === b.image &&
    a.imageId === b.imageId &&
    a.kind === b.kind &&
    a.logPath === b.logPath &&
    a.startedAt?.getTime() === b.startedAt?.getTime() &&
    a.exit?.exitCode === b.exit?.exitCode &&
    a.exit?.oomKilled === b.exit?.oomKilled &&
    a.exit?.message === b.exit?.message
  );
}
