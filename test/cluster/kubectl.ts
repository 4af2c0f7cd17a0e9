import { join } from 'node:path';
import { findProgram } from '../node/debian.ts';
import { type Finished, must, run } from '../node/processes.ts';
import type { Places } from './places.ts';

/** kubectl with one identity: the machine's, or else the one that was built with the cluster. */
export class Kubectl {
  readonly #start: readonly string[];

  private constructor(start: readonly string[]) {
    this.#start = start;
  }

  /** `bin` is the directory of the built one. */
  static async find(places: Places, kubeconfig: string, bin: string): Promise<Kubectl> {
    const program = (await findProgram('kubectl')) ?? join(bin, 'kubectl');
    return new Kubectl([program, `--kubeconfig=${kubeconfig}`, `--cache-dir=${places.at('kubectl-cache')}`]);
  }

  /** Gives its standard output; rejects with what it says where it fails. */
  async must(args: readonly string[], input?: string): Promise<string> {
    return await must([...this.#start, ...args], input === undefined ? {} : { input });
  }

  async run(args: readonly string[], input?: string): Promise<Finished> {
    return await run([...this.#start, ...args], input === undefined ? {} : { input });
  }

  /** The command line, for a test that starts it by itself. */
  argv(...args: string[]): string[] {
    return [...this.#start, ...args];
  }
}
