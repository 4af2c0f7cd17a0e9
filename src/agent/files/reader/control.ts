/** Thrown inside a job that its caller has ended. */
export class JobAborted extends Error {
  override readonly name = 'JobAborted';
}

/** The receiver of a job's bytes took none of them for too long. */
export class JobStalled extends Error {
  override readonly name = 'JobStalled';
}

const ABORT = 0;
const CREDIT = 1;
const INPUT = 2;
const STEPS = 3;

/**
 * The memory that a job's two sides share: the worker works synchronously and reads no messages meanwhile. The caller's
 * side aborts, grants credit for chunks and announces input; the worker's side waits for these and counts its steps.
 */
export class JobControl {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(16)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** Caller's side. Wakes the worker whatever it waits for. */
  abort(): void {
    Atomics.store(this.#words, ABORT, 1);
    // Changed, not only notified: a worker just before its wait would sleep through a notification.
    this.grant(1);
    this.announceInput();
  }

  /** Caller's side: the worker may send `chunks` more. */
  grant(chunks: number): void {
    Atomics.add(this.#words, CREDIT, chunks);
    Atomics.notify(this.#words, CREDIT);
  }

  /** Caller's side, after a message was posted on the job's input port. */
  announceInput(): void {
    Atomics.add(this.#words, INPUT, 1);
    Atomics.notify(this.#words, INPUT);
  }

  /** Steps that the worker has done: a worker whose count stands still is stuck in the kernel. */
  get steps(): number {
    return Atomics.load(this.#words, STEPS);
  }

  /** Worker's side, between any two system calls that may take long. Throws JobAborted. */
  step(): void {
    Atomics.add(this.#words, STEPS, 1);
    if (Atomics.load(this.#words, ABORT) !== 0) throw new JobAborted('the job was aborted');
  }

  /** Worker's side, while it cleans up: counts, and goes on although aborted. */
  cleanupStep(): void {
    Atomics.add(this.#words, STEPS, 1);
  }

  /** Worker's side. Sleeps until a chunk may be sent. Throws JobAborted, and JobStalled after `withinMs`. */
  takeCredit(withinMs: number): void {
    for (;;) {
      this.step();
      if (Atomics.load(this.#words, CREDIT) > 0) {
        Atomics.sub(this.#words, CREDIT, 1);
        return;
      }
      if (Atomics.wait(this.#words, CREDIT, 0, withinMs) === 'timed-out') throw new JobStalled('no chunk was taken');
    }
  }

  /** Worker's side: how often input was announced, to be read before looking for it. */
  get announced(): number {
    return Atomics.load(this.#words, INPUT);
  }

  /** Worker's side. Sleeps until more was announced than `seen`. Throws JobAborted, and JobStalled after `withinMs`. */
  awaitInput(seen: number, withinMs: number): void {
    this.step();
    if (Atomics.wait(this.#words, INPUT, seen, withinMs) === 'timed-out') throw new JobStalled('no input came');
    this.step();
  }
}
