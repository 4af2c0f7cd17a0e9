import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { ContainersRole } from '../../executors/roles.ts';
import { hasErrno } from '../../linux/syscalls.ts';
import { DirectoryWatch } from '../directory-watch.ts';
import type { Container, Pod } from '../model.ts';
import type { PodStore } from '../store.ts';
import { type LinkName, type LogPlace, parseLinkName, parseLogPath, parsePodDirectory } from './log-names.ts';

export interface NodeLogPodsOptions {
  /** The kubelet's `/var/log/pods`. */
  readonly podsDir: string;
  /** The kubelet's `/var/log/containers`. */
  readonly containersDir: string;
  /** How long a pod is remembered after its log directory was removed. Milliseconds. */
  readonly forgetAfter: number;
  readonly log: Logger;
}

const maxOrphans = 1024;
/** A static pod's cgroup does not tell it from what else may be there; it is none that may call. */
const staticUid = /^[0-9a-f]{32}$/;

/**
 * The pods of this node as the kubelet's log directories name them: `podsDir` says pod and restart count, the links of
 * `containersDir` say the container's id. Names only: every container is put as `waiting`, and how it goes on is for
 * somebody else to see; once its link is removed it is put as `unknown`. Links are read and never followed. A container
 * is named as soon as the kubelet has started it; its image and its kind are not in any name.
 */
export class NodeLogPods implements ContainersRole {
  readonly connected = true;
  readonly #options: NodeLogPodsOptions;

  constructor(options: NodeLogPodsOptions) {
    this.#options = options;
  }

  async feed(store: PodStore, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    new LogDirectories(this.#options, store, signal).start();
  }
}

class LogDirectories {
  readonly #options: NodeLogPodsOptions;
  readonly #store: PodStore;
  readonly #watches: readonly DirectoryWatch[];
  /** By link name. */
  readonly #linked = new Map<string, { readonly pod: Pod; readonly container: Container }>();
  /** By directory name. */
  readonly #directories = new Map<string, Pod>();
  /** By link name: the directory of its pod. */
  readonly #orphans = new Map<string, string>();
  readonly #leaving = new Map<string, NodeJS.Timeout>();

  constructor(options: NodeLogPodsOptions, store: PodStore, signal: AbortSignal) {
    this.#options = options;
    this.#store = store;
    const { log, podsDir, containersDir } = options;
    const trouble = (err: Error) => log.error({ err }, 'log directories cannot be watched: containers may stay unseen');
    this.#watches = [
      new DirectoryWatch(podsDir, {
        name: (name) => this.#lookAtPod(name),
        replaced: () => this.#recheck(this.#directories, (name) => this.#lookAtPod(name)),
        trouble,
      }),
      new DirectoryWatch(containersDir, {
        name: (name) => this.#lookAtLink(name),
        replaced: () => this.#recheck(this.#linked, (name) => this.#lookAtLink(name)),
        trouble,
      }),
    ];
    signal.addEventListener('abort', () => this.#close(), { once: true });
  }

  start(): void {
    for (const watch of this.#watches) watch.start();
  }

  #close(): void {
    for (const watch of this.#watches) watch.close();
    for (const timer of this.#leaving.values()) clearTimeout(timer);
    this.#leaving.clear();
  }

  #recheck(known: ReadonlyMap<string, unknown>, look: (name: string) => void): void {
    for (const name of [...known.keys()]) look(name);
  }

  #lookAtPod(name: string): void {
    const pod = parsePodDirectory(name);
    if (pod === undefined || staticUid.test(pod.uid)) return;
    const isThere = stat(join(this.#options.podsDir, name))?.isDirectory() === true;
    if (isThere) this.#stay(name, pod);
    else if (this.#directories.delete(name)) this.#leave(pod);
  }

  #stay(name: string, pod: Pod): void {
    clearTimeout(this.#leaving.get(pod.uid));
    this.#leaving.delete(pod.uid);
    this.#store.addPod(pod);
    if (this.#directories.has(name)) return;
    this.#directories.set(name, pod);
    for (const [link, directory] of [...this.#orphans]) if (directory === name) this.#lookAtLink(link);
  }

  /** A link without its pod's directory: left behind, or made before it. */
  #orphan(link: string, directory: string): void {
    this.#orphans.set(link, directory);
    const [oldest] = this.#orphans.keys();
    if (this.#orphans.size > maxOrphans && oldest !== undefined) this.#orphans.delete(oldest);
  }

  #leave(pod: Pod): void {
    const timer = setTimeout(() => {
      this.#leaving.delete(pod.uid);
      for (const [name, linked] of this.#linked) if (linked.pod.uid === pod.uid) this.#linked.delete(name);
      this.#store.removePod(pod.uid);
    }, this.#options.forgetAfter);
    timer.unref();
    this.#leaving.set(pod.uid, timer);
  }

  #lookAtLink(name: string): void {
    const link = parseLinkName(name);
    if (link === undefined) return;
    const path = join(this.#options.containersDir, name);
    const target = readLink(path);
    const place = target === undefined ? undefined : parseLogPath(target);
    const known = this.#linked.get(name);
    this.#orphans.delete(name);
    if (place === undefined) {
      if (known === undefined) return;
      this.#linked.delete(name);
      this.#store.put(known.pod, { ...known.container, state: 'unknown', exit: removed });
    } else if (known === undefined && isSamePlace(link, place) && !staticUid.test(place.pod.uid)) {
      this.#add(name, link, place, stat(path)?.mtime);
    }
  }

  #add(name: string, link: LinkName, place: LogPlace, createdAt: Date | undefined): void {
    const { pod, restartCount } = place;
    const directory = `${pod.namespace}_${pod.name}_${pod.uid}`;
    // Its own event may be still to come.
    this.#lookAtPod(directory);
    if (!this.#directories.has(directory)) {
      this.#orphan(name, directory);
      return;
    }
    const container: Container = {
      podUid: pod.uid,
      name: link.container,
      id: link.id,
      image: '',
      imageId: '',
      kind: 'regular',
      restartCount,
      state: 'waiting',
      ...(createdAt !== undefined && { createdAt }),
      logPath: join(this.#options.podsDir, directory, link.container, `${restartCount}.log`),
    };
    this.#linked.set(name, { pod, container });
    this.#store.put(pod, container);
  }
}

const removed = { oomKilled: false, unknownReason: 'its log was removed from the node', source: 'node-log' } as const;

/** Whether the link's name and what it points to speak of the same container. */
function isSamePlace(link: LinkName, place: LogPlace): boolean {
  const { pod, container } = place;
  return link.podName === pod.name && link.namespace === pod.namespace && link.container === container;
}

function stat(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** Undefined where it is gone, or no link. */
function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'EINVAL')) return undefined;
    throw error;
  }
}
