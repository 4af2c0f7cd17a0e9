import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { type Container, hasEnded, type Pod } from '../../pods/model.ts';
import { type PodChange, PodStore } from '../../pods/store.ts';
import type { ContainersRole } from '../roles.ts';
import { ChangeWatch } from './change-watch.ts';
import { type EmissaryEnd, isOfAttempt } from './ending.ts';
import { merge } from './merge.ts';
import { PodVolume, type PodVolumeOptions } from './pod-volume.ts';

/** What tells the container's processes, where the agent holds them. */
export interface HeldView {
  /** Whether its first process lives; true for one that is not held (yet): its files would be out of reach for good. */
  lives(containerId: string): boolean;
  /** Resolves once its root is held, or never can be. Undefined: not held (yet). */
  taken(containerId: string): Promise<void> | undefined;
  /** Calls `listener` after each change of a held container. */
  subscribe(listener: (containerId: string) => void, signal: AbortSignal): void;
}

export interface EmissaryContainersOptions extends Omit<PodVolumeOptions, 'changes'> {
  /** Who names pods and containers, and tells the ends that no emissary tells. */
  readonly source: ContainersRole;
  /** Where the source can be asked again at once. */
  hasten?(): void;
  readonly held?: HeldView;
  /** Whether this executor is the one of the pod. */
  isOurs(pod: Pod): boolean;
  /** How long the source is waited for to say whether a SIGKILL was for memory. Milliseconds. */
  readonly sourcePatienceMs: number;
  readonly log: Logger;
}

/** Containers as their source names them, and their ends as soon as their emissaries write them. */
export class EmissaryContainers implements ContainersRole {
  readonly #options: EmissaryContainersOptions;
  #feed: Feed | undefined;

  constructor(options: EmissaryContainersOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#options.source.connected;
  }

  /** The store that is fed; undefined before. */
  get store(): PodStore | undefined {
    return this.#feed?.store;
  }

  /** Of a pod that is this executor's. */
  volume(podUid: string): PodVolume | undefined {
    return this.#feed?.volumes.get(podUid);
  }

  async feed(store: PodStore, signal: AbortSignal): Promise<void> {
    const feed = new Feed(this.#options, store, signal);
    this.#feed = feed;
    await this.#options.source.feed(feed.named, signal);
  }
}

class Feed {
  readonly store: PodStore;
  readonly named = new PodStore();
  readonly volumes = new Map<string, PodVolume>();
  readonly #options: EmissaryContainersOptions;
  readonly #changes: ChangeWatch;
  readonly #overdue = new Map<string, NodeJS.Timeout>();
  /** By pod and name: the run whose end was shown, and of which attempt. What it has left is not the next one's. */
  readonly #shownRuns = new Map<string, { readonly restartCount: number; readonly begunAt: number }>();

  constructor(options: EmissaryContainersOptions, store: PodStore, signal: AbortSignal) {
    this.#options = options;
    this.store = store;
    this.#changes = new ChangeWatch((err) => options.log.error({ err }, 'shared volumes are not watched any more'));
    this.named.subscribe((change) => this.#onNamed(change), signal);
    options.held?.subscribe((id) => this.#onHeld(id), signal);
    signal.addEventListener('abort', () => this.#close(), { once: true });
  }

  #onNamed(change: PodChange): void {
    const { pod } = change;
    if (change.type === 'container') {
      const volume = this.volumes.get(pod.uid);
      volume?.watch(this.#running(pod.uid));
      if (volume === undefined) this.store.put(pod, change.container);
      else this.#show(pod, change.container, volume);
    } else if (change.type === 'pod-added') this.#begin(pod);
    else this.#forget(pod.uid);
  }

  #begin(pod: Pod): void {
    this.store.addPod(pod);
    if (!this.#options.isOurs(pod) || this.volumes.has(pod.uid)) return;
    this.volumes.set(
      pod.uid,
      new PodVolume(pod.uid, { ...this.#options, changes: this.#changes }, () => this.#look(pod)),
    );
  }

  #forget(uid: string): void {
    this.volumes.get(uid)?.close();
    this.volumes.delete(uid);
    for (const key of this.#shownRuns.keys()) if (key.startsWith(`${uid}/`)) this.#shownRuns.delete(key);
    for (const container of this.store.attempts(uid)) this.#forgetTimer(container.id);
    this.store.removePod(uid);
  }

  /** Something has changed in the volume. */
  #look(pod: Pod): void {
    const volume = this.volumes.get(pod.uid);
    if (volume === undefined) return;
    let isAhead = false;
    for (const container of this.named.containers(pod.uid)) {
      if (container.state === 'running') this.#show(pod, container, volume);
      // The source does not know it as running yet, and it has ended.
      else if (container.state === 'waiting' && volume.ending(container.name) !== undefined) {
        isAhead = true;
        if (this.#options.held === undefined) volume.markCollected(container.name);
      }
    }
    if (isAhead) this.#options.hasten?.();
  }

  #onHeld(id: string): void {
    const found = this.named.find(id);
    if (found === undefined) return;
    const volume = this.volumes.get(found.pod.uid);
    if (volume !== undefined) this.#show(found.pod, found.container, volume);
  }

  #running(uid: string): string[] {
    const names = this.named.containers(uid).filter((container) => !hasEnded(container));
    return names.map(({ name }) => name);
  }

  #show(pod: Pod, named: Container, volume: PodVolume, isOverdue = false): void {
    const { held, log } = this.#options;
    const shown = this.store.byId(pod.uid, named.id);
    const end = this.#endOf(named, shown, volume);
    if (end !== undefined) this.#collect(named, volume);
    const lives = held?.lives(named.id);
    const merged = merge({ named, end, shown, lives, isOverdue, now: new Date() });
    if (merged === 'wait') this.#await(pod, named);
    else this.#forgetTimer(named.id);
    const container = merged === 'wait' ? named : merged;
    if (shown !== undefined && isDeepStrictEqual(shown, container)) return;
    if (shown?.exit?.exitCode !== undefined && shown.exit.exitCode !== container.exit?.exitCode) {
      const facts = { pod: pod.name, container: named.name, told: shown.exit.exitCode, now: container.exit?.exitCode };
      log.warn(facts, 'the runtime has another exit code than the container gave itself');
    }
    if (end !== undefined && hasEnded(container)) {
      const run = { restartCount: named.restartCount, begunAt: end.begunAt.getTime() };
      this.#shownRuns.set(`${pod.uid}/${named.name}`, run);
    }
    this.store.put(pod, container);
  }

  /** What its emissary wrote; of one that waits or is known to have ended for good there is nothing to read. */
  #endOf(named: Container, shown: Container | undefined, volume: PodVolume): EmissaryEnd | undefined {
    if (named.id === '' || (shown !== undefined && hasEnded(shown) && !hasEnded(named))) return undefined;
    const end = volume.ending(named.name);
    if (end === undefined || !isOfAttempt(end, named)) return undefined;
    const last = this.#shownRuns.get(`${named.podUid}/${named.name}`);
    const isLeft = last?.begunAt === end.begunAt.getTime() && last.restartCount !== named.restartCount;
    return isLeft ? undefined : end;
  }

  /** All that is needed of a container without its emissary is in the volume; or it is below its root, which is held. */
  #collect({ id, name }: Container, volume: PodVolume): void {
    const { held } = this.#options;
    if (held === undefined) volume.markCollected(name);
    else void held.taken(id)?.then(() => volume.markCollected(name));
  }

  #await(pod: Pod, { id }: Container): void {
    if (this.#overdue.has(id)) return;
    const timer = setTimeout(() => {
      this.#overdue.delete(id);
      const named = this.named.byId(pod.uid, id);
      const volume = this.volumes.get(pod.uid);
      if (named !== undefined && volume !== undefined) this.#show(pod, named, volume, true);
    }, this.#options.sourcePatienceMs);
    this.#overdue.set(id, timer.unref());
    this.#options.hasten?.();
  }

  #forgetTimer(id: string): void {
    clearTimeout(this.#overdue.get(id));
    this.#overdue.delete(id);
  }

  #close(): void {
    for (const timer of this.#overdue.values()) clearTimeout(timer);
    for (const volume of this.volumes.values()) volume.close();
    this.#overdue.clear();
    void this.#changes.close();
  }
}
