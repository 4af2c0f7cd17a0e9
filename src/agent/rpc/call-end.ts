/**
 * How a call ends: the first reason counts. The signal is made when somebody asks for it, since most small calls are
 * over before anybody does, and it would cost as much as the rest of them.
 */
export class CallEnd {
  #controller: AbortController | undefined;
  #reason: unknown;

  get aborted(): boolean {
    return this.#reason !== undefined;
  }

  get reason(): unknown {
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Idempotent. `reason` is never undefined. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}
