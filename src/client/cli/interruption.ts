import { signalCodes } from './exit-codes.ts';

type EndSignal = keyof typeof signalCodes;

/**
 * SIGINT and SIGTERM as one AbortSignal. The first signal aborts; a second one ends the process at once. A command
 * that has something to finish takes the first SIGTERM for itself with `onTerm`.
 */
export class Interruption {
  readonly #controller = new AbortController();
  readonly #listener = (name: EndSignal): void => this.#received(name);
  #first: EndSignal | undefined;
  #onTerm: (() => void) | undefined;

  constructor() {
    process.on('SIGINT', this.#listener);
    process.on('SIGTERM', this.#listener);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The exit code of a process that was interrupted; undefined if it was not. */
  get exitCode(): number | undefined {
    return this.#first === undefined || !this.signal.aborted ? undefined : signalCodes[this.#first];
  }

  /** Calls `listener` at the first SIGTERM instead of aborting. */
  onTerm(listener: () => void): void {
    this.#onTerm = listener;
  }

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#listener);
    process.off('SIGTERM', this.#listener);
  }

  #received(name: EndSignal): void {
    if (this.signal.aborted) process.exit(signalCodes[name]);
    this.#first = name;
    const onTerm = this.#onTerm;
    this.#onTerm = undefined;
    if (name === 'SIGTERM' && onTerm !== undefined) onTerm();
    else this.#controller.abort(new DOMException(`interrupted by ${name}`, 'AbortError'));
  }
}
