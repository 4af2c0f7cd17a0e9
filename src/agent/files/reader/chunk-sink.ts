import { chunkBytes } from './protocol.ts';

/** Gathers bytes into chunks of one size, so that many small files travel in one message. */
export class ChunkSink {
  readonly #send: (data: ArrayBuffer, length: number) => void;
  #chunk: Buffer<ArrayBuffer> | undefined;
  #used = 0;

  /** `send` takes the buffer over, and may wait. */
  constructor(send: (data: ArrayBuffer, length: number) => void) {
    this.#send = send;
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const room = this.room();
      const length = Math.min(room.length, bytes.length - at);
      room.set(length === bytes.length ? bytes : bytes.subarray(at, at + length));
      this.filled(length);
      at += length;
    }
  }

  zeroes(count: number): void {
    for (let rest = count; rest > 0; ) {
      const room = this.room();
      // Not asked later: a chunk that is full has been given away, and its memory with it.
      const length = Math.min(room.length, rest);
      room.fill(0, 0, length);
      this.filled(length);
      rest -= length;
    }
  }

  /** Memory to be filled next, at least one byte; say how much was with `filled`. */
  room(): Buffer {
    // Never pooled: it is given away.
    this.#chunk ??= Buffer.allocUnsafeSlow(chunkBytes);
    return this.#chunk.subarray(this.#used);
  }

  filled(length: number): void {
    this.#used += length;
    if (this.#used === chunkBytes) this.flush();
  }

  flush(): void {
    const chunk = this.#chunk;
    const used = this.#used;
    this.#chunk = undefined;
    this.#used = 0;
    if (chunk === undefined || used === 0) return;
    // A large buffer for few bytes would be held as long as these are.
    if (used > chunkBytes / 2) this.#send(chunk.buffer, used);
    else this.#send(chunk.buffer.slice(0, used), used);
  }
}
