import type { System } from '../system.ts';
import { OutputCopy } from './output-copy.ts';
import { Sink } from './sink.ts';

/**
 * The command's output in files: stdout, stderr, and both in the order in which they arrived. It goes its usual way as
 * well. A terminal stays the command's own, and what is written to it is not kept.
 */
export class CapturedOutput {
  readonly #system: System;
  readonly #combined: Sink;
  readonly #sinks: readonly Sink[];
  #copies: OutputCopy[] = [];

  /** Makes the files, empty, in `directory`. */
  constructor(system: System, directory: string) {
    this.#system = system;
    const sink = (name: string) => new Sink(system.files, `${directory}/${name}`);
    this.#combined = sink('combined');
    this.#sinks = [sink('stdout'), sink('stderr'), this.#combined];
  }

  /** The descriptors for the command. Files go on where an earlier attempt ended. */
  begin(): { stdout: number; stderr: number } {
    this.#copies = [];
    const [stdout = 1, stderr = 2] = [1, 2].map((console) => {
      if (this.#system.processes.isTerminal(console)) return console;
      const own = this.#sinks[console - 1];
      const copy = new OutputCopy(this.#system, console, own === undefined ? [] : [own, this.#combined]);
      this.#copies.push(copy);
      return copy.writeEnd;
    });
    return { stdout, stderr };
  }

  /** The command has its descriptors. */
  started(): void {
    for (const copy of this.#copies) copy.closeWriteEnd();
  }

  /** The command has ended: takes what is still in the pipes, and does not wait for what its children may write. */
  async drained(): Promise<void> {
    await Promise.all(this.#copies.map((copy) => copy.drained()));
  }

  abandon(): void {
    for (const copy of this.#copies) copy.abandon();
  }

  /** What could not be kept. */
  get problems(): string[] {
    return this.#sinks.flatMap(({ problem }) => (problem === undefined ? [] : [problem]));
  }
}
