import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { type Container, hasEnded, type Pod } from '../pods/model.ts';
import type { PodStore } from '../pods/store.ts';
import { isStatic, type PodJson, podSchema } from './pod-json.ts';
import { containersOf } from './pod-status.ts';

interface Options {
  readonly store: PodStore;
  /** How long a pod that has left the node is remembered, in milliseconds. */
  readonly forgetAfterMs: number;
  /** The kubelet's log directory of this node, where logs are read from it: /var/log/pods. */
  readonly podLogsDir?: string;
  readonly log: Logger;
}

const deleted = 'the pod was deleted before the end of this container was told';
const superseded = 'the next attempt was there before the end of this one was told';

/** Brings the store up to what a kubelet or an API server says of the node's pods. */
export class PodFeed {
  readonly #options: Options;
  readonly #pods = new Map<string, PodJson>();
  readonly #leaving = new Map<string, NodeJS.Timeout>();

  constructor(options: Options, signal: AbortSignal) {
    this.#options = options;
    signal.addEventListener('abort', () => this.#close(), { once: true });
  }

  /** The pod as it was last told of; kept as long as the store knows the pod. */
  pod(uid: string): PodJson | undefined {
    return this.#pods.get(uid);
  }

  /** How many pods are there that have not left. */
  get size(): number {
    return this.#pods.size - this.#leaving.size;
  }

  /** Whether a container is about to end, as far as that can be told: its pod is being deleted. */
  get isEnding(): boolean {
    for (const [uid, { metadata }] of this.#pods) {
      if (metadata.deletionTimestamp !== undefined && !this.#leaving.has(uid)) return true;
    }
    return false;
  }

  /** All that there is: what is not in the list has left. */
  replace(items: readonly unknown[]): void {
    const here = new Set(items.map((item) => this.put(item)));
    for (const uid of this.#pods.keys()) if (!here.has(uid)) this.remove(uid);
  }

  /** One pod as it is now; answers its uid, or undefined where it is none of ours. */
  put(item: unknown): string | undefined {
    const parsed = podSchema.safeParse(item);
    if (!parsed.success) {
      this.#options.log.error({ err: parsed.error }, 'a pod that cannot be read was left out');
      return undefined;
    }
    const pod = parsed.data;
    if (isStatic(pod)) return undefined;
    const { uid } = pod.metadata;
    this.#stay(uid);
    // Not by the resourceVersion: a kubelet takes over a new status without it.
    if (isDeepStrictEqual(this.#pods.get(uid), pod)) return uid;
    this.#pods.set(uid, pod);
    this.#show(pod);
    return uid;
  }

  /** It has left the node; what had not ended by then has an end that nobody knows. */
  remove(uid: string): void {
    const pod = this.#pods.get(uid);
    if (pod === undefined || this.#leaving.has(uid)) return;
    const { store, forgetAfterMs } = this.#options;
    for (const container of store.attempts(uid)) {
      if (!hasEnded(container)) store.put(identityOf(pod), vanished(container, deleted));
    }
    const timer = setTimeout(() => {
      this.#leaving.delete(uid);
      this.#pods.delete(uid);
      store.removePod(uid);
    }, forgetAfterMs);
    this.#leaving.set(uid, timer.unref());
  }

  #stay(uid: string): void {
    clearTimeout(this.#leaving.get(uid));
    this.#leaving.delete(uid);
  }

  #show(json: PodJson): void {
    const { store } = this.#options;
    const pod = identityOf(json);
    store.addPod(pod);
    for (const told of containersOf(json)) {
      const container = this.#withLog(pod, told);
      this.#endEarlier(pod, container);
      const shown = shownAttempt(store, container);
      if (shown === undefined || !isNoNews(shown, container)) store.put(pod, keepId(container, shown));
    }
  }

  #withLog({ namespace, name, uid }: Pod, container: Container): Container {
    const { podLogsDir } = this.#options;
    if (podLogsDir === undefined || container.id === '') return container;
    const logPath = `${podLogsDir}/${namespace}_${name}_${uid}/${container.name}/${container.restartCount}.log`;
    return { ...container, logPath };
  }

  /** An attempt that is followed by another one has ended, whether its end was told or not. */
  #endEarlier(pod: Pod, next: Container): void {
    const { store } = this.#options;
    for (const earlier of store.attempts(pod.uid)) {
      if (earlier.name !== next.name || earlier.restartCount >= next.restartCount || hasEnded(earlier)) continue;
      if (earlier.id !== '') store.put(pod, vanished(earlier, superseded));
    }
  }

  #close(): void {
    for (const timer of this.#leaving.values()) clearTimeout(timer);
    this.#leaving.clear();
  }
}

function identityOf({ metadata }: PodJson): Pod {
  const { uid, namespace, name, labels } = metadata;
  return { uid, namespace, name, labels };
}

function shownAttempt(store: PodStore, container: Container): Container | undefined {
  const { podUid, id, name, restartCount } = container;
  if (id !== '' && store.byId(podUid, id) !== undefined) return store.byId(podUid, id);
  return store.attempts(podUid).findLast((one) => one.name === name && one.restartCount === restartCount);
}

/** What has ended never runs again under the same restart count; else it is news where something differs. */
function isNoNews(shown: Container, told: Container): boolean {
  if (shown.id !== '' && told.state === 'waiting') return true;
  if (shown.state === 'exited' && told.state === 'running' && shown.restartCount === told.restartCount) return true;
  if (shown.exit?.exitCode !== undefined && told.exit?.exitCode === undefined) return true;
  return (
    shown.state === told.state &&
    shown.reason === told.reason &&
    shown.restartCount === told.restartCount &&
    (shown.id === told.id || told.id === '') &&
    shown.imageId === told.imageId &&
    shown.startedAt?.getTime() === told.startedAt?.getTime() &&
    shown.exit?.exitCode === told.exit?.exitCode
  );
}

/** The kubelet forgets a container's id together with the container. */
function keepId(told: Container, shown: Container | undefined): Container {
  return told.id === '' && shown !== undefined ? { ...told, id: shown.id } : told;
}

function vanished(container: Container, unknownReason: string): Container {
  const exit = { oomKilled: false, unknownReason, source: 'pod-status' } as const;
  return { ...container, state: 'unknown', reason: 'Unknown', exit };
}
