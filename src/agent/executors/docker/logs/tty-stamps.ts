import { unreadable } from '../../../logs/stamped/entry-sink.ts';
import { StampReader, stampLength } from '../../../logs/stamped/log-time.ts';
import type { Stamp, StampSyntax } from '../../../logs/stamped/unframed-parser.ts';

/**
 * The log of a container with a TTY: every part of a line is stamped with the same nanosecond. A container that guesses the
 * nanosecond of its own line, and writes it at the right place, loses these 31 bytes of its output.
 */
export class TtyStamps implements StampSyntax {
  readonly longest = stampLength;
  readonly #reader = new StampReader();
  readonly #text = Buffer.alloc(stampLength);

  read(bytes: Buffer, at: number): Stamp | 'more' | undefined {
    if (bytes.length - at < stampLength) return 'more';
    const time = this.#reader.read(bytes, at);
    if (time === undefined) return undefined;
    bytes.copy(this.#text, 0, at, at + stampLength);
    return { time, text: this.#text, length: stampLength };
  }

  findPart(bytes: Buffer, from: number, end: number): number {
    return bytes.subarray(0, end).indexOf(this.#text, from);
  }

  unreadable(): ReturnType<typeof unreadable> {
    return unreadable();
  }
}
