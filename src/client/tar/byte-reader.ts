/** Reads a stream of chunks by counts of bytes. Holds one chunk; what is asked for in one piece is bounded by the caller. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Exactly `count` bytes as one buffer; undefined if the stream ends before. */
  async read(count: number): Promise<Buffer | undefined> {
    const bytes = Buffer.allocUnsafe(count);
    let filled = 0;
    for await (const piece of this.pieces(count)) {
      bytes.set(piece, filled);
      filled += piece.length;
    }
    return filled === count ? bytes : undefined;
  }

  /** The next `count` bytes as they come, without copying; fewer if the stream ends before. */
  async *pieces(count: number): AsyncGenerator<Uint8Array, void, undefined> {
    let left = count;
    while (left > 0) {
      if (this.#chunk.length === 0 && !(await this.#next())) return;
      const piece = this.#chunk.subarray(0, left);
      this.#chunk = this.#chunk.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** Passes over `count` bytes; false if the stream ends before. */
  async skip(count: number): Promise<boolean> {
    let left = count;
    for await (const piece of this.pieces(count)) left -= piece.length;
    return left === 0;
  }

  /** Takes the rest of the stream, so that its sender can finish. */
  async drain(): Promise<void> {
    this.#chunk = new Uint8Array(0);
    while (await this.#next());
  }

  async #next(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done === true) return false;
    this.#chunk = next.value;
    return true;
  }
}
