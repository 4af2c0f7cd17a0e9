import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { parseCgroupPath } from '../linux/cgroup-path.ts';
import { hasErrno } from '../linux/syscalls.ts';

/** A container's cgroup directory. */
export interface FoundContainer {
  readonly containerId: string;
  /** Absent: a container that is in no pod, as far as its cgroup says. */
  readonly podUid?: string;
  /** Inside the hierarchy: `/kubepods/pod…/…`. */
  readonly cgroupPath: string;
}

/** What the watch tells; each is called from the event loop and must not throw. */
export interface CgroupListener {
  appeared(container: FoundContainer): void;
  /** Its directory was removed: it has no processes any more. */
  gone(container: FoundContainer): void;
  /** Containers may stay unseen: the kernel's, or our own, bound on watches is reached, or a watch failed. */
  trouble(error: Error): void;
}

export interface CgroupWatchOptions {
  /** Where the watched hierarchy is mounted. */
  readonly mountPoint: string;
  /** Below which cgroups runtimes put containers. Need not exist yet. */
  readonly roots: readonly string[];
  /** See `parseCgroup`. */
  readonly nodeCgroup: string;
  /** One for each pod and each level above pods. */
  readonly maxWatches: number;
}

export const defaultCgroupRoots = [
  '/kubepods',
  '/kubepods.slice',
  '/kubelet',
  '/kubelet.slice',
  '/docker',
  '/system.slice',
];

/** What stands between a root and its pods. Anything else below a root is none of ours and is not looked into. */
const level = /^(?:kubepods|burstable|besteffort|guaranteed|[a-z0-9-]*kubepods[a-z0-9-]*\.slice)$/;

/**
 * Sees containers' cgroup directories come and go, by inotify on every directory that can hold one; nothing is polled.
 * Only the topmost cgroup of a container counts: what it makes below its own is never watched, so that it can neither
 * pass for another container nor use up watches.
 */
export class CgroupWatch {
  readonly #options: CgroupWatchOptions;
  readonly #listener: CgroupListener;
  readonly #watched = new Map<string, { readonly inode: number; readonly watcher: FSWatcher }>();
  readonly #containers = new Map<string, { readonly inode: number; readonly container: FoundContainer }>();

  constructor(options: CgroupWatchOptions, listener: CgroupListener) {
    this.#options = { ...options, roots: options.roots.map((root) => root.replace(/\/+$/, '')) };
    this.#listener = listener;
  }

  /** Tells, before it returns, of every container that is there. */
  start(): void {
    this.#look('');
  }

  close(): void {
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
    this.#containers.clear();
  }

  /** Brings what is known of one directory in line with what is there. */
  #look(path: string): void {
    const inode = this.#inode(path);
    const known = this.#watched.get(path)?.inode ?? this.#containers.get(path)?.inode;
    if (known === inode) return;
    if (inode === undefined) {
      this.#forget(path);
      return;
    }
    // From here on it is new, or was removed and made again before we looked.
    const kind = this.#kind(path);
    if (kind === 'level') this.#enter(path, inode);
    else if (kind !== 'other') {
      this.#forget(path);
      this.#containers.set(path, { inode, container: kind });
      this.#listener.appeared(kind);
    }
  }

  #kind(path: string): FoundContainer | 'level' | 'other' {
    const { roots, nodeCgroup } = this.#options;
    if (path === '' || roots.some((root) => root === path || root.startsWith(`${path}/`))) return 'level';
    if (!roots.some((root) => path.startsWith(`${root}/`))) return 'other';
    const inNode = nodeCgroup !== '/' && path.startsWith(`${nodeCgroup}/`) ? path.slice(nodeCgroup.length) : path;
    const { podUid, containerId } = parseCgroupPath(inNode);
    if (containerId !== undefined) return { containerId, ...(podUid !== undefined && { podUid }), cgroupPath: path };
    const parent = path.slice(0, path.lastIndexOf('/'));
    const isPod = podUid !== undefined && parseCgroupPath(parent).podUid === undefined;
    return isPod || level.test(path.slice(parent.length + 1)) ? 'level' : 'other';
  }

  #enter(path: string, inode: number): void {
    this.#watched.get(path)?.watcher.close();
    this.#watched.delete(path);
    if (this.#watched.size >= this.#options.maxWatches) {
      this.#listener.trouble(
        new Error(`the bound of ${this.#options.maxWatches} cgroup watches is reached at ${path}`),
      );
      return;
    }
    const directory = `${this.#options.mountPoint}${path}`;
    try {
      const watcher = watch(directory, { persistent: false }, (event, name) => {
        if (event !== 'rename' || this.#watched.get(path)?.watcher !== watcher) return;
        // Of a directory that was removed; what is at its place now is another.
        if (this.#inode(path) !== inode) this.#look(path);
        else if (name === null) this.#scan(path);
        else this.#look(`${path}/${name}`);
      });
      watcher.on('error', (error) => this.#listener.trouble(error));
      this.#watched.set(path, { inode, watcher });
    } catch (error) {
      // Removed meanwhile: its parent's watch will say so, or has.
      if (hasErrno(error, 'ENOENT')) return;
      this.#trouble(error);
      return;
    }
    // After the watch is set: what was made before is found here, what is made from now on is told.
    this.#scan(path);
  }

  #scan(path: string): void {
    const known = [...this.#watched.keys(), ...this.#containers.keys()].filter((child) => parentOf(child) === path);
    for (const child of new Set([...known, ...this.#subdirectories(path)])) this.#look(child);
  }

  #subdirectories(path: string): string[] {
    try {
      const entries = readdirSync(`${this.#options.mountPoint}${path}`, { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory()).map((entry) => `${path}/${entry.name}`);
    } catch (error) {
      if (!hasErrno(error, 'ENOENT', 'ENODEV')) this.#trouble(error);
      return [];
    }
  }

  #trouble(error: unknown): void {
    this.#listener.trouble(error instanceof Error ? error : new Error(String(error)));
  }

  #forget(path: string): void {
    const removed = (other: string): boolean => other === path || other.startsWith(`${path}/`);
    for (const [other, { watcher }] of this.#watched) {
      if (!removed(other)) continue;
      watcher.close();
      this.#watched.delete(other);
    }
    for (const [other, { container }] of this.#containers) {
      if (!removed(other)) continue;
      this.#containers.delete(other);
      this.#listener.gone(container);
    }
  }

  #inode(path: string): number | undefined {
    const status = statSync(`${this.#options.mountPoint}${path}`, { throwIfNoEntry: false });
    return status?.isDirectory() ? status.ino : undefined;
  }
}

/** Undefined for the hierarchy's own root, which is nobody's child. */
function parentOf(path: string): string | undefined {
  return path === '' ? undefined : path.slice(0, path.lastIndexOf('/'));
}
