import { SystemError } from '../errno.ts';
import type { Files } from '../system.ts';

/** A file that takes a copy of output. Once a write has failed it takes no more: what is in it stays a true beginning. */
export class Sink {
  readonly #files: Files;
  readonly #path: string;
  readonly #fd: number;
  #problem: string | undefined;

  constructor(files: Files, path: string) {
    this.#files = files;
    this.#path = path;
    files.remove(path);
    this.#fd = files.open(path, 'append', 0o644);
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  write(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#problem !== undefined) return;
    try {
      this.#files.write(this.#fd, bytes);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#problem = `${this.#path} is not complete: ${error.text}`;
    }
  }
}
