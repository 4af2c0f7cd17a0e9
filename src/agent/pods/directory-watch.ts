import { type FSWatcher, opendirSync, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Names of one directory that are looked at; a node has some thousands. */
const maxNames = 50_000;

export interface DirectoryListener {
  /** The name was there at the start, or was added, replaced or removed. Must not throw. */
  name(name: string): void;
  /** The whole directory is gone, or is another one: what was known of it is void. */
  replaced(): void;
  /** Names may go unseen from now on. */
  trouble(error: Error): void;
}

/**
 * Tells the names of a directory and their changes, by inotify. The directory may be made later, and removed and made
 * again: its parents are watched for that.
 */
export class DirectoryWatch {
  readonly #path: string;
  readonly #listener: DirectoryListener;
  #watcher: FSWatcher | undefined;
  #inode: number | undefined;
  /** On the nearest parent that is there. */
  #parentWatcher: FSWatcher | undefined;
  #parent: string | undefined;
  #closed = false;

  constructor(path: string, listener: DirectoryListener) {
    this.#path = path;
    this.#listener = listener;
  }

  /** Tells, before it returns, of every name that is there. */
  start(): void {
    this.#attach();
  }

  close(): void {
    this.#closed = true;
    this.#watcher?.close();
    this.#parentWatcher?.close();
  }

  #attach(): void {
    if (this.#closed) return;
    this.#watchParent();
    const inode = inodeOf(this.#path);
    if (inode === this.#inode) return;
    this.#watcher?.close();
    this.#watcher = undefined;
    if (this.#inode !== undefined) this.#listener.replaced();
    this.#inode = inode;
    if (inode === undefined) return;
    this.#watcher = this.#watch(this.#path, (name) => {
      if (name === undefined) this.#scan();
      else this.#listener.name(name);
      // Its own removal comes under its own name.
      if (name === basename(this.#path)) this.#attach();
    });
    this.#scan();
  }

  #watchParent(): void {
    let parent = dirname(this.#path);
    while (parent !== '/' && inodeOf(parent) === undefined) parent = dirname(parent);
    if (parent === this.#parent) return;
    this.#parentWatcher?.close();
    this.#parent = parent;
    this.#parentWatcher = this.#watch(parent, () => this.#attach());
  }

  #watch(path: string, listener: (name: string | undefined) => void): FSWatcher | undefined {
    try {
      const watcher = watch(path, { persistent: false }, (event, name) => {
        if (event === 'rename') listener(name ?? undefined);
      });
      watcher.on('error', (error) => this.#listener.trouble(error));
      return watcher;
    } catch (error) {
      this.#listener.trouble(asError(error));
      return undefined;
    }
  }

  #scan(): void {
    try {
      const directory = opendirSync(this.#path);
      try {
        for (let count = 0; ; count++) {
          const entry = directory.readSync();
          if (entry === null) return;
          if (count >= maxNames) throw new Error(`more than ${maxNames} names in a watched directory`);
          this.#listener.name(entry.name);
        }
      } finally {
        directory.closeSync();
      }
    } catch (error) {
      if (inodeOf(this.#path) !== undefined) this.#listener.trouble(asError(error));
    }
  }
}

function inodeOf(path: string): number | undefined {
  const status = statSync(path, { throwIfNoEntry: false });
  return status?.isDirectory() ? status.ino : undefined;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
