import { type FSWatcher, watch } from 'node:fs';
import type { LogDirectory } from './log-directory.ts';

/** inotify drops events when its queue overflows: without any for this long a follower looks by itself. */
const recheckMs = 5_000;
/** The same where the node has no inotify watch left to give. */
const recheckUnwatchedMs = 250;

/** Tells a follower when the files of its log may have changed. Holds no event, only that there was one. */
export class LogWatch {
  readonly #watcher: FSWatcher | undefined;
  #changed = false;
  #rotated = false;
  #wake: (() => void) | undefined;
  #onRotated: (() => void) | undefined;

  constructor(directory: LogDirectory) {
    this.#watcher = watchDirectory(directory, (event, name) => {
      if (!name.startsWith(directory.base)) return;
      if (event === 'rename') this.#rotated = true;
      this.notify();
      if (event === 'rename') this.#onRotated?.();
    });
  }

  /** Calls `listener` as soon as a file was added, renamed or removed. */
  set onRotated(listener: () => void) {
    this.#onRotated = listener;
  }

  /** Whether files may have been added, renamed or removed since the last call. */
  takeRotated(): boolean {
    const rotated = this.#rotated;
    this.#rotated = false;
    return rotated;
  }

  /** Ends a wait, the present one or the next. */
  notify(): void {
    this.#changed = true;
    this.#wake?.();
  }

  /** Until something changed since the last wait, or for `milliseconds`. Throws the signal's reason. */
  async wait(signal: AbortSignal, milliseconds = Number.POSITIVE_INFINITY): Promise<void> {
    signal.throwIfAborted();
    if (!this.#changed) await this.#sleep(signal, milliseconds);
    signal.throwIfAborted();
    this.#changed = false;
  }

  /** For `milliseconds`, whatever changes. Throws the signal's reason. */
  async pause(signal: AbortSignal, milliseconds: number): Promise<void> {
    const until = performance.now() + milliseconds;
    for (let left = milliseconds; left > 0; left = until - performance.now()) {
      this.#changed = false;
      await this.wait(signal, left);
    }
  }

  close(): void {
    this.#watcher?.close();
    this.notify();
  }

  #sleep(signal: AbortSignal, milliseconds: number): Promise<void> {
    const recheck = this.#watcher === undefined ? recheckUnwatchedMs : recheckMs;
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#wake = undefined;
        resolve();
      };
      const look = () => {
        this.#rotated = true;
        done();
      };
      const timer = milliseconds < recheck ? setTimeout(done, milliseconds) : setTimeout(look, recheck);
      signal.addEventListener('abort', done, { once: true });
      this.#wake = done;
    });
  }
}

function watchDirectory(
  directory: LogDirectory,
  listener: (event: string, name: string) => void,
): FSWatcher | undefined {
  try {
    const watcher = watch(directory.path, (event, name) => listener(event, name ?? directory.base));
    // The directory itself was removed: what is open stays readable.
    watcher.on('error', () => undefined);
    return watcher;
  } catch {
    return undefined;
  }
}
