import { lstatSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { AgentConfig } from '../config/schema.ts';
import type { SocketMetrics } from '../metrics/socket-metrics.ts';
import { DirectoryWatch } from '../pods/directory-watch.ts';
import { hasEnded, type Pod } from '../pods/model.ts';
import type { PodChange, PodStore } from '../pods/store.ts';
import { DirectoryPlace, removeLeftDirectories } from './directory-place.ts';
import { loadBinary } from './placed-binary.ts';
import { type SocketListener, socketName } from './placed-socket.ts';
import { PodEntry } from './pod-entry.ts';
import { listenerTo } from './socket-listener.ts';
import { VolumePlace } from './volume-place.ts';

/** As the API server makes them. A static pod has none: its cgroup does not tell it from what else may be there. */
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** What a connection sends at once is answered, or refused, before it ends: so the next one has to wait. Seconds. */
const restAfterFlood = 5;
/** While a pod is set up a tmpfs may be mounted on its volume, which the kernel tells to nobody. Milliseconds. */
const setUpCheckEvery = 25;

export interface PodSocketsOptions {
  readonly config: Pick<AgentConfig, 'runDir' | 'kubelet' | 'sockets' | 'emissary' | 'limits'>;
  readonly store: PodStore;
  readonly metrics: SocketMetrics;
  readonly log: Logger;
  /** Whether any process of the pod is seen to live, its sandbox included; false where that is not seen. */
  hasProcesses(podUid: string): boolean;
  onConnection(socket: Socket, podUid: string): void;
}

/**
 * The pods' sockets: `agent.sock` in each emptyDir volume that has one of the configured names, and in a directory of
 * the run directory for pods that mount that. An emptyDir's is made as soon as the kubelet makes the volume, before the
 * pod is known: its place names the pod, and no call is answered before the pod is known and the caller's cgroup says
 * the same. After that every place is looked at again and again, since what is in it is the pod's to change.
 */
export class PodSockets {
  readonly #options: PodSocketsOptions;
  readonly #podsDirectory: string;
  readonly #entries = new Map<string, PodEntry>();
  readonly #listener: SocketListener;
  readonly #binary: Uint8Array | undefined;
  readonly #timers: NodeJS.Timeout[] = [];
  #watch: DirectoryWatch | undefined;

  /** Errors: those of `loadBinary`. */
  constructor(options: PodSocketsOptions) {
    this.#options = options;
    this.#podsDirectory = `${options.config.kubelet.directory}/pods`;
    this.#listener = listenerTo(options);
    const { binary } = options.config.emissary;
    this.#binary = binary === '' ? undefined : loadBinary(binary);
  }

  /** Listens for the pods of the store and for those that come, until `signal` aborts or `close`. */
  start(signal: AbortSignal): void {
    const { store, metrics, log, config } = this.#options;
    const { hostPath, volumes, checkEvery } = config.sockets;
    metrics.standing(() => this.#count());
    store.subscribe((change) => this.#hear(change), signal);
    if (volumes.length > 0) {
      this.#watch = new DirectoryWatch(this.#podsDirectory, {
        name: (name) => this.#look(name),
        replaced: () => this.#checkAll(),
        trouble: (err) => log.error({ err }, 'the kubelet’s pods cannot be watched: sockets may come late'),
      });
      this.#watch.start();
    }
    for (const pod of store.pods()) this.#known(pod);
    if (hostPath) removeLeftDirectories(this.#runPods, (uid) => this.#entries.has(uid), socketName);
    this.#every(checkEvery, () => this.#checkAll());
    this.#every(setUpCheckEvery, () => this.#checkSetUps());
    signal.addEventListener('abort', () => this.close(), { once: true });
  }

  /** The pod gets no new connection for a while. */
  rest(podUid: string): void {
    this.#entries.get(podUid)?.rest(restAfterFlood);
  }

  /** Stops listening. The directories stay, since pods have them mounted. */
  close(): void {
    this.#watch?.close();
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    for (const entry of this.#entries.values()) entry.close();
    this.#entries.clear();
  }

  get #runPods(): string {
    return `${this.#options.config.runDir}/pods`;
  }

  #every(ms: number, action: () => void): void {
    const timer = setInterval(action, ms);
    timer.unref();
    this.#timers.push(timer);
  }

  #count(): number {
    let count = 0;
    for (const entry of this.#entries.values()) count += entry.standing;
    return count;
  }

  #hear(change: PodChange): void {
    if (change.type === 'pod-added') this.#known(change.pod);
    if (change.type === 'container') this.#entries.get(change.pod.uid)?.containerChanged(change.container, this.#now);
    if (change.type === 'pod-removed') this.#left(change.pod.uid);
  }

  /** A pod that the source names: its sockets are there before this returns. */
  #known(pod: Pod): void {
    const entry = this.#entry(pod.uid);
    if (entry === undefined) return;
    if (this.#options.config.sockets.hostPath) entry.add(new DirectoryPlace(this.#runPods, pod.uid));
    entry.returned();
    entry.check(this.#now);
  }

  /** A name in the kubelet's pods directory, which may just have been made or removed. */
  #look(uid: string): void {
    if (!uuid.test(uid)) return;
    const known = this.#entries.get(uid);
    if (known === undefined && !this.#isOnNode(uid)) return;
    const entry = known ?? this.#entry(uid);
    if (!this.#hasStarted(uid)) entry?.watchSetUp();
    if (entry?.check(this.#now) === false) this.#forgetAbsent(uid, entry);
  }

  #left(uid: string): void {
    const entry = this.#entries.get(uid);
    entry?.left();
    if (entry?.check(this.#now) === false) this.#forgetAbsent(uid, entry);
  }

  #checkAll(): void {
    const now = this.#now;
    for (const [uid, entry] of this.#entries) if (!entry.check(now)) this.#forgetAbsent(uid, entry);
  }

  #checkSetUps(): void {
    const now = this.#now;
    for (const entry of this.#entries.values()) if (entry.isSettingUp(now)) entry.check(now);
  }

  /** A pod that neither the source nor the kubelet's directory has any more. */
  #forgetAbsent(uid: string, entry: PodEntry): void {
    if (this.#options.store.pod(uid) !== undefined || this.#isOnNode(uid)) return;
    entry.close();
    this.#entries.delete(uid);
  }

  #isOnNode(uid: string): boolean {
    return lstatSync(`${this.#podsDirectory}/${uid}`, { throwIfNoEntry: false })?.isDirectory() === true;
  }

  #hasStarted(uid: string): boolean {
    return this.#options.store.attempts(uid).some(({ state }) => state !== 'waiting');
  }

  /** Undefined where there are too many. One that the source does not know makes room for one that it knows. */
  #entry(uid: string): PodEntry | undefined {
    const existing = this.#entries.get(uid);
    if (existing !== undefined) return existing;
    const { config, store, log, hasProcesses } = this.#options;
    if (this.#entries.size >= config.sockets.pods) {
      const unknown = [...this.#entries.keys()].find((other) => store.pod(other) === undefined);
      if (unknown === undefined || store.pod(uid) === undefined) {
        log.warn({ podUid: uid, pods: config.sockets.pods }, 'no socket for this pod: there are too many');
        return undefined;
      }
      this.#entries.get(unknown)?.close();
      this.#entries.delete(unknown);
    }
    const entry = new PodEntry({
      podUid: uid,
      podsDirectory: this.#podsDirectory,
      listener: this.#listener,
      limits: config.limits,
      binary: this.#binary,
      log,
      isOver: () => isOver(store, uid) && !hasProcesses(uid),
    });
    if (uuid.test(uid)) {
      for (const volume of config.sockets.volumes) entry.add(new VolumePlace(this.#podsDirectory, uid, volume));
    }
    this.#entries.set(uid, entry);
    return entry;
  }

  get #now(): number {
    return performance.now();
  }
}

/** Nothing of the pod that is known runs or is still to run. */
function isOver(store: PodStore, podUid: string): boolean {
  const known = store.attempts(podUid);
  return known.length > 0 && known.every(hasEnded);
}
