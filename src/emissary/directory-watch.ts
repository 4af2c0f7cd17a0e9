import { SystemError } from './errno.ts';
import type { System } from './system.ts';

const pollMs = 500;

/**
 * Says that something changed in one of the directories; what, the listener finds out. By inotify; where the node has
 * no instance left for us (they are few per user) or no inotify, twice a second.
 */
export class DirectoryWatch {
  readonly #system: System;
  readonly #listeners = new Set<() => void>();
  readonly #directories = new Set<string>();
  readonly #buffer = new Uint8Array(4096);
  #fd = -1;
  #polling = false;

  constructor(system: System) {
    this.#system = system;
  }

  /** From now on; false where there is no such directory yet. */
  add(directory: string): boolean {
    if (this.#polling || this.#directories.has(directory)) return true;
    if (this.#system.files.statusBehind(directory)?.type !== 'directory') return false;
    try {
      const fd = this.#system.processes.watch(this.#fd, directory);
      if (this.#fd < 0) this.#listen(fd);
      this.#directories.add(directory);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#polling = true;
      this.#poll();
    }
    return true;
  }

  /** Gives what ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #listen(fd: number): void {
    this.#fd = fd;
    this.#system.events.onReadable(fd, () => {
      this.#system.files.read(fd, this.#buffer);
      this.#tell();
    });
  }

  #poll(): void {
    this.#system.events.after(pollMs, () => {
      this.#tell();
      this.#poll();
    });
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
