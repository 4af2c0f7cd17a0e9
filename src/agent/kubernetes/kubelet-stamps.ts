import { PodhandError } from '../../wire/errors.ts';
import { LogComplaint, unreadable } from '../logs/stamped/entry-sink.ts';
import {
  compareTimes,
  isoOfTime,
  type LogTime,
  parseSeconds,
  StampReader,
  stampLength,
} from '../logs/stamped/log-time.ts';
import type { Stamp, StampSyntax } from '../logs/stamped/unframed-parser.ts';

/** `2006-01-02T15:04:05.000000000`, an offset from UTC such as `+01:00`, and a space. */
const offsetStampLength = 36;
const [dash, letterT, letterZ, dot, space] = [0x2d, 0x54, 0x5a, 0x2e, 0x20];

/**
 * A kubelet's log with time stamps: both streams as one text in the order in which they were written, every stored entry
 * stamped. A container that writes such a stamp itself into a line of more than 16 KiB, no earlier than that part's own
 * time, loses these bytes of its output.
 */
export class KubeletStamps implements StampSyntax {
  readonly longest = offsetStampLength;
  readonly #reader = new StampReader();
  readonly #text = Buffer.alloc(stampLength);
  #last: LogTime | undefined;

  read(bytes: Buffer, at: number): Stamp | 'more' | undefined {
    const isShort = bytes.length - at >= stampLength && bytes[at + 29] === letterZ;
    if (bytes.length - at < offsetStampLength && !isShort) return 'more';
    const stamp = this.#stamp(bytes, at);
    if (stamp === undefined) return undefined;
    this.#last = stamp.time;
    if (stamp.length === stampLength) bytes.copy(this.#text, 0, at, at + stampLength);
    else this.#text.write(`${isoOfTime(stamp.time) ?? '1970-01-01T00:00:00.000000000Z'} `, 'latin1');
    return { ...stamp, text: this.#text };
  }

  findPart(bytes: Buffer, from: number, end: number): number {
    for (let at = from; at + stampLength <= end; at++) {
      if (bytes[at + 10] !== letterT || bytes[at + 4] !== dash) continue;
      const stamp = this.#stamp(bytes, at);
      if (stamp !== undefined && this.#last !== undefined && compareTimes(stamp.time, this.#last) >= 0) return at;
    }
    return -1;
  }

  /** A kubelet that cannot read a log says so in its place, under status 200. */
  unreadable(): LogComplaint {
    if (this.#last !== undefined) return new LogComplaint(true, unreadable());
    const message = 'the runtime has removed the log of this attempt';
    return new LogComplaint(false, new PodhandError('LOGS_UNAVAILABLE', message));
  }

  #stamp(bytes: Buffer, at: number): Omit<Stamp, 'text'> | undefined {
    if (bytes[at + 29] === letterZ) {
      const time = this.#reader.read(bytes, at);
      return time && { time, length: stampLength };
    }
    if (bytes.length - at < offsetStampLength || bytes[at + 19] !== dot || bytes[at + 35] !== space) return undefined;
    const text = bytes.toString('latin1', at, at + 35);
    const seconds = parseSeconds(text.slice(0, 19), text.slice(29));
    const nanos = /^\d{9}$/.test(text.slice(20, 29)) ? Number(text.slice(20, 29)) : Number.NaN;
    if (seconds === undefined || Number.isNaN(nanos)) return undefined;
    return { time: { seconds, nanos }, length: offsetStampLength };
  }
}
