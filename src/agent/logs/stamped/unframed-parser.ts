import type { PodhandError } from '../../../wire/errors.ts';
import type { EntryParser, EntrySink, LogComplaint } from './entry-sink.ts';
import type { LogTime } from './log-time.ts';

/** Runtimes cut a line after 16 KiB; what they store of it is never shorter. */
const partBytes = 16 * 1024;

export interface Stamp {
  readonly time: LogTime;
  /** As the sink takes it: in UTC. Only until the next stamp is read. */
  readonly text: Buffer;
  /** Bytes that it takes in the log. */
  readonly length: number;
}

/** How the stamps of a log are told from what its container has written. */
export interface StampSyntax {
  /** Bytes of the longest stamp. */
  readonly longest: number;
  /** `more`: its end is still to come. Undefined: there is no stamp. */
  read(bytes: Buffer, at: number): Stamp | 'more' | undefined;
  /** Where, from `from` on and before `end`, another part of the entry's line begins, that of the stamp last read; -1 if nowhere. */
  findPart(bytes: Buffer, from: number, end: number): number;
  /** What to say of bytes that should begin with a stamp and do not. */
  unreadable(): PodhandError | LogComplaint;
}

/**
 * Stamped entries one after the other without frames, all of stdout. An entry ends with its newline; a part of a longer
 * line ends without one, where the stamp of the next part follows.
 */
export class UnframedParser implements EntryParser {
  readonly #sink: EntrySink;
  readonly #stamps: StampSyntax;
  /** Not passed on yet: the beginning of a stamp, or what may be one. */
  #held: Buffer = Buffer.alloc(0);
  /** Bytes of the begun entry that were passed on. */
  #given = 0;
  #inEntry = false;

  constructor(sink: EntrySink, stamps: StampSyntax) {
    this.#sink = sink;
    this.#stamps = stamps;
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
    if (!this.#inEntry && this.#held.length > 0) throw this.#stamps.unreadable();
    if (!this.#inEntry) return;
    this.#pass(this.#held, 0, this.#held.length);
    this.#end();
  }

  #begin(bytes: Buffer, at: number): number | undefined {
    const stamp = this.#stamps.read(bytes, at);
    if (stamp === 'more') return undefined;
    if (stamp === undefined) throw this.#stamps.unreadable();
    this.#sink.begin(0, stamp.time, stamp.text, 0);
    this.#inEntry = true;
    this.#given = 0;
    return at + stamp.length;
  }

  /** Passes on what is certainly of the entry; where to go on, or undefined where more must come first. */
  #go(bytes: Buffer, at: number): number | undefined {
    const newline = bytes.indexOf(0x0a, at);
    const lineEnd = newline === -1 ? bytes.length : newline + 1;
    const firstCut = at + Math.max(0, partBytes - this.#given);
    const cut = firstCut < lineEnd ? this.#stamps.findPart(bytes, firstCut, lineEnd) : -1;
    if (cut !== -1 || newline !== -1) {
      const end = cut === -1 ? lineEnd : cut;
      this.#pass(bytes, at, end);
      this.#end();
      return end;
    }
    // The last bytes may be the beginning of the stamp of the next part.
    const sure = Math.max(at, Math.min(lineEnd, Math.max(firstCut, lineEnd - this.#stamps.longest + 1)));
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
