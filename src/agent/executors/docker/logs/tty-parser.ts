import { type EntryParser, type EntrySink, unreadable } from '../../../logs/stamped/entry-sink.ts';
import { StampReader, stampLength } from '../../../logs/stamped/log-time.ts';

/** The engine cuts a line after 16 KiB; what it stores of them is never shorter. */
const partBytes = 16 * 1024;

/**
 * The log of a container with a TTY: stamped entries one after the other without frames, all of stdout. An entry ends
 * with its newline; a part of a longer line ends without one, where the same nanosecond is stamped again. A container
 * that guesses the nanosecond of its own line, and writes it at the right place, loses these 31 bytes of its output.
 */
export class TtyParser implements EntryParser {
  readonly #sink: EntrySink;
  readonly #stamps = new StampReader();
  readonly #stamp = Buffer.alloc(stampLength);
  /** Not passed on yet: the beginning of a stamp, or what may be one. */
  #held: Buffer = Buffer.alloc(0);
  /** Bytes of the begun entry that were passed on. */
  #given = 0;
  #inEntry = false;

  constructor(sink: EntrySink) {
    this.#sink = sink;
  }

  push(data: Buffer): void {
    const bytes = this.#held.length === 0 ? data : Buffer.concat([this.#held, data]);
    let at = 0;
    while (at < bytes.length) {
      const next = this.#inEntry ? this.#go(bytes, at) : this.#begin(bytes, at);
      if (next === undefined) break;
      at = next;
    }
    this.#held = Buffer.from(bytes.subarray(at));
  }

  finish(): void {
    if (!this.#inEntry && this.#held.length > 0) throw unreadable();
    if (!this.#inEntry) return;
    this.#pass(this.#held, 0, this.#held.length);
    this.#end();
  }

  #begin(bytes: Buffer, at: number): number | undefined {
    if (bytes.length - at < stampLength) return undefined;
    const time = this.#stamps.read(bytes, at);
    if (time === undefined) throw unreadable();
    bytes.copy(this.#stamp, 0, at, at + stampLength);
    this.#sink.begin(0, time, this.#stamp, 0);
    this.#inEntry = true;
    this.#given = 0;
    return at + stampLength;
  }

  /** Passes on what is certainly of the entry; where to go on, or undefined where more must come first. */
  #go(bytes: Buffer, at: number): number | undefined {
    const newline = bytes.indexOf(0x0a, at);
    const lineEnd = newline === -1 ? bytes.length : newline + 1;
    const firstCut = at + Math.max(0, partBytes - this.#given);
    const cut = firstCut < lineEnd ? bytes.subarray(0, lineEnd).indexOf(this.#stamp, firstCut) : -1;
    if (cut !== -1 || newline !== -1) {
      const end = cut === -1 ? lineEnd : cut;
      this.#pass(bytes, at, end);
      this.#end();
      return end;
    }
    // The last bytes may be the beginning of the stamp of the next part.
    const sure = Math.max(at, Math.min(lineEnd, Math.max(firstCut, lineEnd - stampLength + 1)));
    if (sure === at) return undefined;
    this.#pass(bytes, at, sure);
    return sure;
  }

  #pass(bytes: Buffer, start: number, end: number): void {
    if (end > start) this.#sink.bytes(bytes, start, end);
    this.#given += end - start;
  }

  #end(): void {
    this.#sink.end();
    this.#inEntry = false;
  }
}
