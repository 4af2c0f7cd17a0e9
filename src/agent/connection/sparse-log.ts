import type { Logger } from 'pino';

const windowMs = 10_000;
const mostInWindow = 10;
/** Of pods that come and go: the oldest is forgotten. */
const maxKept = 1024;

/**
 * Warnings that a pod can cause as often as it likes: of one kind ten are logged in ten seconds, the next one after that
 * with how many were left out. Metrics count them all.
 */
export class SparseLog {
  readonly #log: Logger;
  readonly #kinds = new Map<string, { since: number; count: number }>();

  constructor(log: Logger) {
    this.#log = log;
  }

  warn(pod: string, facts: object, message: string): void {
    const kind = `${pod} ${message}`;
    const now = performance.now();
    let window = this.#kinds.get(kind);
    let more = 0;
    if (window === undefined || now - window.since > windowMs) {
      more = Math.max(0, (window?.count ?? 0) - mostInWindow);
      window = { since: now, count: 0 };
      this.#keep(kind, window);
    }
    window.count += 1;
    if (window.count <= mostInWindow) this.#log.warn({ pod, ...facts, ...(more > 0 && { more }) }, message);
  }

  #keep(kind: string, window: { since: number; count: number }): void {
    this.#kinds.delete(kind);
    this.#kinds.set(kind, window);
    for (const oldest of this.#kinds.keys()) {
      if (this.#kinds.size <= maxKept) return;
      this.#kinds.delete(oldest);
    }
  }
}
