/** One call, as far as its connection is concerned. Each is told once; what comes again says nothing. */
export interface OpenCall {
  /** Its request is there as a whole. */
  complete(): void;
  end(): void;
}

interface Patience {
  /** How long a request may take to be there as a whole. Milliseconds, as all here. */
  readonly request: number;
  /** How long a connection may be there without a call. */
  readonly idle: number;
}

/** The calls of one connection: which of them have not said yet what they want, and since when there is none. */
export class ConnectionCalls {
  /** In the order in which they began. */
  readonly #unfinished = new Map<OpenCall, number>();
  #open = 0;
  #quietSince = performance.now();

  /** `left`: told once, when the call is complete or has ended before. */
  begin(left: () => void): OpenCall {
    let open = true;
    const call: OpenCall = {
      complete: () => {
        if (this.#unfinished.delete(call)) left();
      },
      end: () => {
        if (!open) return;
        open = false;
        call.complete();
        this.#open -= 1;
        this.#quietSince = performance.now();
      },
    };
    this.#unfinished.set(call, performance.now());
    this.#open += 1;
    return call;
  }

  get idle(): boolean {
    return this.#open === 0;
  }

  /** Why the connection has to end, if it has to. */
  overdue(now: number, { request, idle }: Patience): 'stalled' | 'idle' | undefined {
    const [oldest] = this.#unfinished.values();
    if (oldest !== undefined && now - oldest > request) return 'stalled';
    return this.idle && now - this.#quietSince > idle ? 'idle' : undefined;
  }
}
