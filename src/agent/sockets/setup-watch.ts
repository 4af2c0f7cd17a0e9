import { type FSWatcher, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { hasErrno } from '../linux/syscalls.ts';
import { volumesDirectory } from './volume-place.ts';

/**
 * Tells of changes in the one directory in which a pod's emptyDirs are made, or in the nearest one above it that is
 * there, while the pod is set up. Not for longer: once its containers run, they could write events faster than they are
 * read. None of these directories is the pod's own.
 */
export class SetupWatch {
  readonly #podsDirectory: string;
  readonly #podUid: string;
  readonly #changed: () => void;
  readonly #trouble: (error: Error) => void;
  #watched: { readonly path: string; readonly watcher: FSWatcher } | undefined;

  constructor(podsDirectory: string, podUid: string, on: { changed(): void; trouble(error: Error): void }) {
    this.#podsDirectory = podsDirectory;
    this.#podUid = podUid;
    this.#changed = on.changed;
    this.#trouble = on.trouble;
  }

  start(): void {
    this.#attach();
  }

  close(): void {
    this.#watched?.watcher.close();
    this.#watched = undefined;
  }

  /** Goes as deep as there are directories, and again: a deeper one may have been made before the watch was set. */
  #attach(): void {
    for (let before: string | undefined; ; before = this.#watched?.path) {
      this.#goDeep();
      if (this.#watched === undefined || this.#watched.path === before) return;
    }
  }

  #goDeep(): void {
    const pod = join(this.#podsDirectory, this.#podUid);
    let path = join(pod, '..', volumesDirectory(this.#podUid));
    while (!this.#watch(path) && path !== pod) path = dirname(path);
  }

  #watch(path: string): boolean {
    if (path === this.#watched?.path) return true;
    try {
      const watcher = watch(path, { persistent: false }, (event) => {
        if (event !== 'rename' || this.#watched?.watcher !== watcher) return;
        this.#attach();
        this.#changed();
      });
      watcher.on('error', (error) => this.#trouble(error));
      this.close();
      this.#watched = { path, watcher };
      return true;
    } catch (error) {
      if (!hasErrno(error, 'ENOENT', 'ENOTDIR'))
        this.#trouble(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
  }
}
