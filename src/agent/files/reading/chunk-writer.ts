import { readSync } from 'node:fs';

/** Gathers bytes into chunks of 256 KiB and gives each away when it is full. */
export class ChunkWriter {
  readonly #give: (chunk: Uint8Array<ArrayBuffer>) => void;
  #buffer = new Uint8Array(chunkBytes);
  #filled = 0;

  constructor(give: (chunk: Uint8Array<ArrayBuffer>) => void) {
    this.#give = give;
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + this.#buffer.length - this.#filled);
      this.#buffer.set(part, this.#filled);
      at += part.length;
      this.#advance(part.length);
    }
  }

  /** Reads exactly `length` bytes of a file from `offset`; false if it has become shorter. */
  read(fd: number, offset: number, length: number): boolean {
    for (let at = 0; at < length; ) {
      const wanted = Math.min(length - at, this.#buffer.length - this.#filled);
      const got = readSync(fd, this.#buffer, this.#filled, wanted, offset + at);
      if (got === 0) return false;
      at += got;
      this.#advance(got);
    }
    return true;
  }

  zeros(length: number): void {
    this.write(new Uint8Array(length));
  }

  /** Gives away what is left. */
  flush(): void {
    if (this.#filled > 0) this.#give(this.#buffer.subarray(0, this.#filled));
    this.#buffer = new Uint8Array(chunkBytes);
    this.#filled = 0;
  }

  #advance(by: number): void {
    this.#filled += by;
    if (this.#filled === this.#buffer.length) this.flush();
  }
}

const chunkBytes = 256 * 1024;
