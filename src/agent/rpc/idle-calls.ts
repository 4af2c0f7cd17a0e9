import type { Caller } from '../connection/caller.ts';

const windowMs = 10_000;
const mostInWindow = 10;
/** Of callers that come and go: the oldest window ends early. */
const maxKept = 1024;

interface Window {
  readonly caller: Caller | undefined;
  readonly timer: NodeJS.Timeout;
  calls: number;
}

/**
 * Calls that did nothing. A pod makes as many as it likes, and their lines would drive those of others out of the log:
 * of each pod, and of the admin socket, ten in ten seconds have one. How many more there were is told when these are over.
 */
export class IdleCalls {
  readonly #tell: (caller: Caller | undefined, leftOut: number) => void;
  readonly #windows = new Map<string, Window>();

  constructor(tell: (caller: Caller | undefined, leftOut: number) => void) {
    this.#tell = tell;
  }

  /** Counts one; answers whether it has a line. */
  hasLine(caller: Caller | undefined): boolean {
    const key = caller?.kind === 'pod' ? caller.podUid : (caller?.kind ?? '');
    const window = this.#windows.get(key) ?? this.#open(key, caller);
    window.calls += 1;
    return window.calls <= mostInWindow;
  }

  /** Tells what has not been told yet. */
  close(): void {
    for (const key of this.#windows.keys()) this.#end(key);
  }

  #open(key: string, caller: Caller | undefined): Window {
    const [oldest] = this.#windows.keys();
    if (oldest !== undefined && this.#windows.size >= maxKept) this.#end(oldest);
    const timer = setTimeout(() => this.#end(key), windowMs).unref();
    const window = { caller, timer, calls: 0 };
    this.#windows.set(key, window);
    return window;
  }

  #end(key: string): void {
    const window = this.#windows.get(key);
    this.#windows.delete(key);
    clearTimeout(window?.timer);
    if (window !== undefined && window.calls > mostInWindow) this.#tell(window.caller, window.calls - mostInWindow);
  }
}
