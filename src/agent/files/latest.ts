/**
 * The latest of a series of values, for a consumer that may be slower than the producer: values that it had no time
 * for are replaced, not queued.
 */
export class Latest<Value> {
  #value: { readonly value: Value } | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  set(value: Value): void {
    this.#value = { value };
    this.#wake?.();
  }

  /** The iteration ends after the value that was set last. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Value> {
    for (;;) {
      const held = this.#value;
      this.#value = undefined;
      if (held !== undefined) yield held.value;
      else if (this.#ended) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    }
  }
}
