import type { Session } from './session.ts';

const everyMs = 100;

/** Tells the caller how far a job is, at most ten times a second. */
export class ProgressReport {
  bytes = 0;
  entries = 0;
  readonly #totalBytes: number;
  readonly #session: Session;
  #last = performance.now();

  /** `totalBytes`: 0 while it is not known. */
  constructor(session: Session, totalBytes: number) {
    this.#session = session;
    this.#totalBytes = totalBytes;
  }

  /** To be called after every step; also the place where a job that was aborted ends. */
  step(bytes: number): void {
    this.bytes += bytes;
    this.#session.control.step();
    const now = performance.now();
    if (now - this.#last < everyMs) return;
    this.#last = now;
    this.#session.post({ type: 'progress', bytes: this.bytes, totalBytes: this.#totalBytes, entries: this.entries });
  }
}
