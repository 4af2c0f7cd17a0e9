import { SIGCHLD, SIGPIPE } from './signals.ts';
import type { Processes } from './system.ts';

export type Receive = (signal: number) => void;

/** A signal that ends a process came while no command ran that could have had it. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly signal: number;

  constructor(signal: number) {
    super(`signal ${signal}`);
    this.signal = signal;
  }
}

/**
 * Gives every signal to whoever is in charge: the command, or what is waited for. In between they queue up, so that
 * none is lost. SIGCHLD is ours, and so is SIGPIPE, which our own writes cause.
 */
export class SignalRouting {
  #receive: Receive | undefined;
  readonly #queued: number[] = [];

  constructor(processes: Processes, childEnded: () => void) {
    processes.onSignal((signal) => {
      if (signal === SIGCHLD) childEnded();
      else if (signal !== SIGPIPE) this.give(signal);
    });
  }

  /** From the kernel or from the signal file. */
  give(signal: number): void {
    if (this.#receive !== undefined) this.#receive(signal);
    // Equal ones are merged, as the kernel does: the queue is bounded.
    else if (!this.#queued.includes(signal)) this.#queued.push(signal);
  }

  to(receive: Receive): void {
    this.#receive = receive;
    for (const signal of this.#queued.splice(0)) this.give(signal);
  }

  hold(): void {
    this.#receive = undefined;
  }
}
