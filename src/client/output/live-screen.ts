import type { ReadStream, WriteStream } from 'node:tty';

const home = '\u001b[H';
const clearLine = '\u001b[K';
const clearBelow = '\u001b[J';
// Long lines are cut by the terminal itself, which alone knows how wide a character is.
const enter = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const leave = '\u001b[?7h\u001b[?25h\u001b[?1049l';

interface Options {
  readonly output: WriteStream;
  /** Where keys come from; no keys where it is no terminal. */
  readonly input: ReadStream;
  /** Called for each key, as a terminal sends it. */
  onKey(key: string): void;
  /** The lines as they are now; at most so many are shown as the terminal has. */
  lines(): readonly string[];
}

/**
 * Takes a terminal over for a view that changes, and gives it back as it was, also when the process exits meanwhile.
 * Drawn again when the terminal's size changes. A terminal that does not take what is drawn misses frames; it gets no
 * queue of them.
 */
export class LiveScreen {
  readonly #options: Options;
  readonly #draw = (): void => this.draw();
  readonly #restore = (): void => this.#giveBack();
  readonly #keys = (data: Buffer): void => {
    for (const key of data.toString('latin1')) this.#options.onKey(key);
  };

  constructor(options: Options) {
    this.#options = options;
    const { output, input } = options;
    process.once('exit', this.#restore);
    output.write(enter);
    output.on('resize', this.#draw);
    if (!input.isTTY) return;
    input.setRawMode(true);
    input.on('data', this.#keys);
    input.resume();
  }

  draw(): void {
    const { output, lines } = this.#options;
    if (output.writableNeedDrain) return;
    const shown = lines().slice(0, Math.max(1, output.rows));
    output.write(`${home}${shown.map((line) => `${line}${clearLine}`).join('\r\n')}${clearBelow}`);
  }

  [Symbol.dispose](): void {
    const { output, input } = this.#options;
    process.off('exit', this.#restore);
    output.off('resize', this.#draw);
    input.off('data', this.#keys);
    this.#giveBack();
    if (input.isTTY) input.pause();
  }

  #giveBack(): void {
    const { output, input } = this.#options;
    if (input.isTTY) input.setRawMode(false);
    output.write(leave);
  }
}
