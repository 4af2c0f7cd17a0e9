import { closeSync } from 'node:fs';
import {
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE,
  IN_MODIFY,
  IN_MOVED_TO,
  IN_ONESHOT,
  inotifyAdd,
  inotifyInit,
  inotifyRead,
  inotifyRemove,
} from '../../linux/inotify.ts';
import { SyscallError } from '../../linux/syscalls.ts';
import { ExitWatch } from '../../processes/exit-watch.ts';

const masks = {
  directory: IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE,
  file: IN_MODIFY,
};

/**
 * Tells that something has changed in a directory or a file, once for each time that it is asked. What is watched is a
 * pod's to change, as fast as it likes: the kernel ends a watch with its first event, so that the pod can cause one event
 * for each of our looks and no more, and the queue is nobody else's.
 */
export class ChangeWatch {
  readonly #inotify = inotifyInit();
  /** An inotify descriptor becomes readable as a pidfd does. */
  readonly #ready: ExitWatch;
  readonly #waiting = new Map<number, Set<() => void>>();
  #closed = false;

  /** `failed`: nothing is told any more. */
  constructor(failed: (error: Error) => void) {
    this.#ready = new ExitWatch(failed);
    this.#await();
  }

  /**
   * Calls `changed` once, after the next change of what `fd` (O_PATH will do; it may be closed afterwards) holds, never
   * before this returns. The answer cancels that. Undefined: the kernel refuses another watch, or it is closed.
   */
  once(fd: number, kind: keyof typeof masks, changed: () => void): (() => void) | undefined {
    if (this.#closed) return undefined;
    let watch: number;
    try {
      watch = inotifyAdd(this.#inotify, fd, masks[kind] | IN_ONESHOT);
    } catch (error) {
      if (error instanceof SyscallError) return undefined;
      throw error;
    }
    const waiting = this.#waiting.get(watch) ?? new Set();
    this.#waiting.set(watch, waiting);
    waiting.add(changed);
    return () => {
      if (!waiting.delete(changed) || waiting.size > 0 || this.#waiting.get(watch) !== waiting) return;
      this.#waiting.delete(watch);
      if (!this.#closed) inotifyRemove(this.#inotify, watch);
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting.clear();
    await this.#ready.close();
    closeSync(this.#inotify);
  }

  #await(): void {
    this.#ready.watch(this.#inotify, () => {
      if (this.#closed) return;
      const watches = inotifyRead(this.#inotify);
      this.#await();
      for (const watch of watches) this.#tell(watch);
    });
  }

  #tell(watch: number): void {
    const waiting = this.#waiting.get(watch);
    this.#waiting.delete(watch);
    for (const changed of waiting ?? []) changed();
  }
}
