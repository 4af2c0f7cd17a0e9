import { PodhandError } from '../../wire/errors.ts';
import { type EntryParser, type EntrySink, unreadable } from '../logs/stamped/entry-sink.ts';
import { compareTimes, isoOfTime, type LogTime, StampReader, stampLength } from '../logs/stamped/log-time.ts';

/** Runtimes cut a line after 16 KiB; what they store of it is never shorter. */
const partBytes = 16 * 1024;
/** `2006-01-02T15:04:05.000000000`, an offset from UTC such as `+01:00`, and a space. */
const offsetStampLength = 36;
const [dash, letterT, letterZ, dot, space] = [0x2d, 0x54, 0x5a, 0x2e, 0x20];

interface Stamp {
  readonly time: LogTime;
  /** Bytes that it takes in the text. */
  readonly length: number;
}

/**
 * A kubelet's log with time stamps: both streams as one text in the order in which they were written, every stored entry
 * stamped. An entry ends with its newline; a part of a longer line ends without one, where the stamp of the next part
 * follows. A container that writes such a stamp itself into a line of more than 16 KiB, no earlier than that part's own
 * time, loses these bytes of its output.
 */
export class StampedLineParser implements EntryParser {
  readonly #sink: EntrySink;
  readonly #stamps = new StampReader();
  /** Of the begun entry, as the sink takes it: in UTC. */
  readonly #text = Buffer.alloc(stampLength);
  /** Not passed on yet: the beginning of a stamp, or what may be one. */
  #held: Buffer = Buffer.alloc(0);
  #time: LogTime = { seconds: 0, nanos: 0 };
  /** Bytes of the begun entry that were passed on. */
  #given = 0;
  #inEntry = false;
  #hasBegun = false;

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
    if (!this.#inEntry && this.#held.length > 0) throw this.#unreadable();
    if (!this.#inEntry) return;
    this.#pass(this.#held, 0, this.#held.length);
    this.#end();
  }

  #begin(bytes: Buffer, at: number): number | undefined {
    if (bytes.length - at < offsetStampLength && !this.#isShortStamp(bytes, at)) return undefined;
    const stamp = this.#stamp(bytes, at);
    if (stamp === undefined) throw this.#unreadable();
    this.#hasBegun = true;
    this.#time = stamp.time;
    if (stamp.length === stampLength) bytes.copy(this.#text, 0, at, at + stampLength);
    else this.#text.write(`${isoOfTime(stamp.time) ?? '1970-01-01T00:00:00.000000000Z'} `, 'latin1');
    this.#sink.begin(0, stamp.time, this.#text, 0);
    this.#inEntry = true;
    this.#given = 0;
    return at + stamp.length;
  }

  /** Passes on what is certainly of the entry; where to go on, or undefined where more must come first. */
  #go(bytes: Buffer, at: number): number | undefined {
    const newline = bytes.indexOf(0x0a, at);
    const lineEnd = newline === -1 ? bytes.length : newline + 1;
    const firstCut = at + Math.max(0, partBytes - this.#given);
    const cut = this.#findCut(bytes, firstCut, lineEnd);
    if (cut !== -1 || newline !== -1) {
      const end = cut === -1 ? lineEnd : cut;
      this.#pass(bytes, at, end);
      this.#end();
      return end;
    }
    // The last bytes may be the beginning of the stamp of the next part.
    const sure = Math.max(at, Math.min(lineEnd, Math.max(firstCut, lineEnd - offsetStampLength + 1)));
    if (sure === at) return undefined;
    this.#pass(bytes, at, sure);
    return sure;
  }

  #findCut(bytes: Buffer, from: number, end: number): number {
    for (let at = from; at + stampLength <= end; at++) {
      if (bytes[at + 10] !== letterT || bytes[at + 4] !== dash) continue;
      const stamp = this.#stamp(bytes, at);
      if (stamp !== undefined && compareTimes(stamp.time, this.#time) >= 0) return at;
    }
    return -1;
  }

  /** A kubelet that finds no log says so in the place of the log, under status 200. */
  #unreadable(): PodhandError {
    if (this.#hasBegun) return unreadable();
    return new PodhandError('LOGS_UNAVAILABLE', 'the runtime has removed the log of this attempt');
  }

  #isShortStamp(bytes: Buffer, at: number): boolean {
    return bytes.length - at >= stampLength && bytes[at + 29] === letterZ;
  }

  #stamp(bytes: Buffer, at: number): Stamp | undefined {
    if (bytes[at + 29] === letterZ) {
      const time = this.#stamps.read(bytes, at);
      return time && { time, length: stampLength };
    }
    if (bytes.length - at < offsetStampLength || bytes[at + 19] !== dot || bytes[at + 35] !== space) return undefined;
    const text = bytes.toString('latin1', at, at + 35);
    const milliseconds = Date.parse(`${text.slice(0, 19)}${text.slice(29)}`);
    const nanos = /^\d{9}$/.test(text.slice(20, 29)) ? Number(text.slice(20, 29)) : Number.NaN;
    if (Number.isNaN(milliseconds) || Number.isNaN(nanos)) return undefined;
    return { time: { seconds: milliseconds / 1000, nanos }, length: offsetStampLength };
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
