import type { Files } from '../system.ts';

/** Of a block of deflate that is stored as it is. */
const blockBytes = 65535;

/**
 * Writes gzip whose blocks are stored, not compressed: what stays on the node's own disk costs no time of the user's.
 * Every reader of gzip reads it.
 */
export class StoredGzip {
  readonly #files: Files;
  readonly #fd: number;
  readonly #block = new Uint8Array(5 + blockBytes);
  #filled = 0;
  #crc = 0;
  #size = 0;

  constructor(files: Files, fd: number) {
    this.#files = files;
    this.#fd = fd;
    files.write(fd, Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255));
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + blockBytes - this.#filled);
      this.#block.set(piece, 5 + this.#filled);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled === blockBytes) this.#flush(false);
    }
  }

  end(): void {
    this.#flush(true);
    const trailer = new DataView(new ArrayBuffer(8));
    trailer.setUint32(0, this.#crc, true);
    trailer.setUint32(4, this.#size, true);
    this.#files.write(this.#fd, new Uint8Array(trailer.buffer));
  }

  #flush(last: boolean): void {
    const header = new DataView(this.#block.buffer);
    header.setUint8(0, last ? 1 : 0);
    header.setUint16(1, this.#filled, true);
    header.setUint16(3, ~this.#filled & 0xffff, true);
    const content = this.#block.slice(5, 5 + this.#filled);
    this.#crc = this.#files.crc32(this.#crc, content, content.length);
    // Modulo 2^32, as the format says.
    this.#size = (this.#size + content.length) % 2 ** 32;
    this.#files.write(this.#fd, this.#block.subarray(0, 5 + this.#filled));
    this.#filled = 0;
  }
}
