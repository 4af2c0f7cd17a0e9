import { errno, isErrno, SystemError } from '../errno.ts';
import type { System } from '../system.ts';
import type { Sink } from './sink.ts';

/** Of a pipe that nobody has enlarged. */
const pipeBytes = 65536;
/** A pipe that is writable takes this much at once. */
const pageBytes = 4096;

/**
 * Copies one stream of the command from a pipe to where our own goes, and to files. Never faster than it is read, and
 * never blocking on a reader that has stopped: signals still pass. A reader that is gone is gone for the command too.
 */
export class OutputCopy {
  readonly writeEnd: number;
  readonly #system: System;
  readonly #console: number;
  readonly #sinks: readonly Sink[];
  readonly #readEnd: number;
  readonly #mayBlock: boolean;
  readonly #buffer = new Uint8Array(pipeBytes);
  #open = true;
  #listening = false;
  /** Bytes that may still be taken once the command has ended. */
  #left = Number.POSITIVE_INFINITY;
  #ended: (() => void) | undefined;

  constructor(system: System, console: number, sinks: readonly Sink[]) {
    this.#system = system;
    this.#console = console;
    this.#sinks = sinks;
    this.#mayBlock = system.processes.isPipe(console);
    const { readEnd, writeEnd } = system.processes.pipe();
    this.#readEnd = readEnd;
    this.writeEnd = writeEnd;
    system.processes.nonblocking(readEnd);
    this.#listen();
  }

  closeWriteEnd(): void {
    this.#system.files.close(this.writeEnd);
  }

  drained(): Promise<void> {
    this.#left = pipeBytes;
    return new Promise((resolve) => {
      this.#ended = resolve;
      if (!this.#open) resolve();
      else if (this.#listening) this.#take();
    });
  }

  #listen(): void {
    this.#listening = true;
    this.#system.events.onReadable(this.#readEnd, () => this.#take());
  }

  #take(): void {
    if (!this.#open) return;
    this.#listening = false;
    this.#system.events.onReadable(this.#readEnd, undefined);
    const count = this.#read();
    if (count === undefined && this.#ended === undefined) this.#listen();
    else if (count === undefined || count === 0) this.#close();
    else this.#pass(this.#buffer.subarray(0, count));
  }

  #pass(bytes: Uint8Array<ArrayBuffer>): void {
    for (const sink of this.#sinks) sink.write(bytes);
    this.#left -= bytes.length;
    this.#show(bytes);
  }

  #read(): number | undefined {
    try {
      return this.#system.files.read(this.#readEnd, this.#buffer);
    } catch (error) {
      if (isErrno(error, errno.EAGAIN, errno.EINTR)) return undefined;
      throw error;
    }
  }

  /** Writes the bytes on, then goes on reading. */
  #show(bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.#mayBlock) {
      if (this.#write(bytes)) this.#continue();
      return;
    }
    const { events } = this.#system;
    events.onWritable(this.#console, () => {
      events.onWritable(this.#console, undefined);
      if (!this.#write(bytes.subarray(0, pageBytes))) return;
      if (bytes.length > pageBytes) this.#show(bytes.subarray(pageBytes));
      else this.#continue();
    });
  }

  #continue(): void {
    if (this.#left <= 0) this.#close();
    // After the end there may be no event to come, so it is asked at once.
    else if (this.#ended !== undefined) this.#system.events.after(0, () => this.#take());
    else this.#listen();
  }

  #write(bytes: Uint8Array<ArrayBuffer>): boolean {
    try {
      this.#system.files.write(this.#console, bytes);
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#close();
      return false;
    }
  }

  /** Whoever reads the console does not: what is left is given up. */
  abandon(): void {
    this.#system.events.onWritable(this.#console, undefined);
    this.#close();
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#system.events.onReadable(this.#readEnd, undefined);
    this.#system.files.close(this.#readEnd);
    this.#ended?.();
  }
}
