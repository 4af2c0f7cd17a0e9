import { type EntryParser, type EntrySink, type StreamIndex, unreadable } from '../../../logs/stamped/entry-sink.ts';
import { StampReader, stampLength } from '../../../logs/stamped/log-time.ts';

const headerLength = 8;

/**
 * The engine's multiplexed log: frames of an 8-byte header (stream, three zero bytes, length) and a stamped entry. The
 * header and the stamp may be cut anywhere by the transport. No length is trusted with memory: payload is passed on as
 * it comes.
 */
export class FrameParser implements EntryParser {
  readonly #sink: EntrySink;
  readonly #stamps = new StampReader();
  /** Header and stamp of a frame that was cut within them. */
  readonly #cut = Buffer.alloc(headerLength + stampLength);
  #cutLength = 0;
  /** Payload bytes of the begun entry that are still to come. */
  #left = 0;

  constructor(sink: EntrySink) {
    this.#sink = sink;
  }

  push(data: Buffer): void {
    let at = 0;
    while (at < data.length) {
      if (this.#left === 0) at = this.#head(data, at);
      if (this.#left === 0) continue;
      const end = Math.min(data.length, at + this.#left);
      if (end > at) this.#sink.bytes(data, at, end);
      this.#left -= end - at;
      at = end;
      if (this.#left === 0) this.#sink.end();
    }
  }

  finish(): void {
    if (this.#left > 0 || this.#cutLength > 0) throw unreadable();
  }

  /** Reads header and stamp at `at`; the place after them, or the end of data where they are cut. */
  #head(data: Buffer, at: number): number {
    if (this.#cutLength === 0 && data.length - at >= this.#cut.length) {
      this.#begin(data, at);
      return at + this.#cut.length;
    }
    const taken = data.copy(this.#cut, this.#cutLength, at);
    this.#cutLength += taken;
    if (this.#cutLength === this.#cut.length) {
      this.#cutLength = 0;
      this.#begin(this.#cut, 0);
    }
    return at + taken;
  }

  #begin(head: Buffer, at: number): void {
    const kind = head[at] ?? 0;
    const length = head.readUInt32BE(at + 4) - stampLength;
    // 3 is an error of the engine's own in the middle of the log; a frame without a stamp is none that we asked for.
    if (kind !== 1 && kind !== 2) throw unreadable();
    const time = this.#stamps.read(head, at + headerLength);
    if (time === undefined || length < 0) throw unreadable();
    const stream: StreamIndex = kind === 2 ? 1 : 0;
    this.#sink.begin(stream, time, head, at + headerLength);
    this.#left = length;
    if (length === 0) this.#sink.end();
  }
}
