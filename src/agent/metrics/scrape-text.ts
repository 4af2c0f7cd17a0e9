import type { Registry } from 'prom-client';

/** The text of all metrics. Who asks within `everyMs` of the last time that it was made gets the same one. */
export class ScrapeText {
  readonly #registry: Registry;
  readonly #everyMs: number;
  #made: Promise<Buffer> | undefined;
  #madeAt = 0;

  constructor(registry: Registry, everyMs: number) {
    this.#registry = registry;
    this.#everyMs = everyMs;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  get(): Promise<Buffer> {
    const now = performance.now();
    if (this.#made === undefined || now - this.#madeAt >= this.#everyMs) {
      this.#madeAt = now;
      this.#made = this.#registry.metrics().then((text) => Buffer.from(text));
    }
    return this.#made;
  }
}
