/** Tasks of one key run in order, those of different keys side by side. */
export class KeyedQueue {
  readonly #parallel: number;
  readonly #maxPending: number;
  readonly #last = new Map<string, Promise<void>>();
  readonly #free: (() => void)[] = [];
  #running = 0;
  #pending = 0;

  constructor(limits: { parallel: number; maxPending: number }) {
    this.#parallel = limits.parallel;
    this.#maxPending = limits.maxPending;
  }

  /** Resolves when the task has run; rejects as it does. Throws where too many wait. */
  add(key: string, task: () => Promise<void>): Promise<void> {
    if (this.#pending >= this.#maxPending) throw new Error(`more than ${this.#maxPending} tasks wait`);
    this.#pending += 1;
    const before = this.#last.get(key) ?? Promise.resolve();
    const run = before
      .then(() => this.#run(task))
      .finally(() => {
        this.#pending -= 1;
        if (this.#last.get(key) === settled) this.#last.delete(key);
      });
    const settled = run.catch(() => {});
    this.#last.set(key, settled);
    return run;
  }

  async #run(task: () => Promise<void>): Promise<void> {
    if (this.#running < this.#parallel) this.#running += 1;
    else await new Promise<void>((resolve) => this.#free.push(resolve));
    try {
      await task();
    } finally {
      const next = this.#free.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
