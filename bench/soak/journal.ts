/** So many failures are told of; of more only the number would matter. */
const mostTold = 50;

/** What was done, and what went wrong. */
export class Journal {
  rounds = 0;
  ended = 0;
  readonly failures: string[] = [];
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  note(line: string): void {
    this.#print(`  ${new Date().toISOString().slice(11, 19)} ${line}`);
  }

  failed(what: string, error: unknown): void {
    const line = `${what}: ${error instanceof Error ? error.message : String(error)}`;
    this.failures.push(line);
    if (this.failures.length <= mostTold) this.note(line);
  }

  toJSON(): object {
    return { rounds: this.rounds, ended: this.ended, failures: this.failures };
  }
}
