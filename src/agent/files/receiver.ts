/** Who takes what a transfer reads, outside of the agent. */
export interface Receiver {
  /** Bytes a second that it is to take; 0: it may be as slow as it likes. */
  readonly leastRate: number;
  /** Milliseconds for which it has been waited for, in all, beyond what its bytes take at that rate. */
  readonly lagMs: number;
}

/**
 * Counts it for a stream of chunks, which are passed on: between two of them nobody is waited for but the receiver. What
 * it took sooner is not kept for later. What makes the chunks, a compressor without a processor say, counts for nothing.
 */
export class PacedReceiver implements Receiver {
  readonly leastRate: number;
  #behindMs = 0;
  #since: number | undefined;

  constructor(leastRate: number) {
    this.leastRate = leastRate;
  }

  get lagMs(): number {
    return this.#behindMs + (this.#since === undefined ? 0 : performance.now() - this.#since);
  }

  async *taking(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
    try {
      for await (const chunk of chunks) {
        this.#since = performance.now();
        yield chunk;
        const worthMs = (chunk.length / this.leastRate) * 1000;
        this.#behindMs = Math.max(0, this.lagMs - worthMs);
        this.#since = undefined;
      }
    } finally {
      this.#since = undefined;
    }
  }
}
