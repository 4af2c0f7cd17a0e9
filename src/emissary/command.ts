import type { CapturedOutput } from './capture/captured-output.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import { candidates } from './search.ts';
import type { SignalRouting } from './signal-routing.ts';
import { asksToEnd, isDeadly } from './signals.ts';
import { startFailure } from './start-failure.ts';
import type { System } from './system.ts';

export interface CommandWords {
  readonly name: string;
  /** Index of the command in our own arguments. */
  readonly first: number;
  readonly more: readonly string[];
}

/** The user's command: started, given every signal, and waited for. Everything else that ends is reaped at once. */
export class Command {
  readonly #system: System;
  readonly #words: CommandWords;
  #running: { readonly pid: number; readonly ended: (status: ExitStatus) => void } | undefined;
  #askedToEnd = false;

  constructor(system: System, words: CommandWords) {
    this.#system = system;
    this.#words = words;
  }

  /** Whether it has been sent a signal that asks to end. */
  get askedToEnd(): boolean {
    return this.#askedToEnd;
  }

  /** Runs it once. Errors: COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, START_FAILED. */
  async run(signals: SignalRouting, output: CapturedOutput | undefined): Promise<ExitStatus> {
    const path = this.#system.environment('PATH');
    const paths = candidates(this.#words.name, path);
    const { stdout = 1, stderr = 2 } = output?.begin() ?? {};
    const ended = Promise.withResolvers<ExitStatus>();
    try {
      const { first: firstArgument, more: moreArguments } = this.#words;
      const pid = this.#system.processes.spawn({ paths, firstArgument, moreArguments, stdout, stderr });
      this.#running = { pid, ended: ended.resolve };
    } catch (error) {
      throw startFailure(error, this.#words.name, paths, { files: this.#system.files, path });
    } finally {
      output?.started();
    }
    // It may have ended before its pid was known here.
    this.reap();
    signals.to((signal) => this.#forward(signal));
    const status = await ended.promise;
    signals.to((signal) => isDeadly(signal) && output?.abandon());
    await output?.drained();
    signals.hold();
    return status;
  }

  reap(): void {
    for (let child = this.#system.processes.reap(); child !== undefined; child = this.#system.processes.reap()) {
      if (child.pid !== this.#running?.pid) continue;
      this.#running.ended(exitStatus(child.status));
      this.#running = undefined;
    }
  }

  #forward(signal: number): void {
    if (asksToEnd(signal)) this.#askedToEnd = true;
    if (this.#running === undefined) return;
    const { pid } = this.#running;
    const { processes } = this.#system;
    // The command may have left the group that it was started in.
    if (!processes.kill(-pid, signal)) processes.kill(pid, signal);
  }
}
