import { closeSync, openSync, renameSync, writeSync } from 'node:fs';

/** Longer lines are cut into pieces of this many bytes, as containerd does it by default. */
const maxLineBytes = 16 * 1024;
const newline = 0x0a;

/**
 * Writes a container's output in the format of the container runtime interface: time, stream, F for a whole line or P
 * for a piece of one, and the bytes. Output that ends without a newline ends with a P.
 */
export class CriLog {
  readonly #path: string;
  readonly #rest = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  #fd: number;
  #last = 0n;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, 'a', 0o640);
  }

  /** Synchronous: a disk that is slow holds back the pipe, and so the container. */
  write(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const data = this.#rest[stream].length > 0 ? Buffer.concat([this.#rest[stream], chunk]) : chunk;
    const lines: (string | Buffer)[] = [];
    const [full, partial] = [`${this.#now()} ${stream} F `, `${this.#now()} ${stream} P `];
    let start = 0;
    while (start < data.length) {
      const end = data.indexOf(newline, start);
      const length = (end === -1 ? data.length : end) - start;
      if (length > maxLineBytes) {
        lines.push(partial, data.subarray(start, start + maxLineBytes), '\n');
        start += maxLineBytes;
      } else if (end !== -1) {
        lines.push(full, data.subarray(start, end + 1));
        start = end + 1;
      } else break;
    }
    this.#rest[stream] = Buffer.from(data.subarray(start));
    this.#put(lines);
  }

  /** The stream has ended. */
  end(stream: 'stdout' | 'stderr'): void {
    const rest = this.#rest[stream];
    if (rest.length > 0) this.#put([`${this.#now()} ${stream} P `, rest, '\n']);
    this.#rest[stream] = Buffer.alloc(0);
  }

  /** Does nothing once the container has ended: a kubelet rotates no such log. */
  rotate(to: string): void {
    if (this.#fd === -1) return;
    renameSync(this.#path, to);
    closeSync(this.#fd);
    this.#fd = openSync(this.#path, 'a', 0o640);
  }

  close(): void {
    closeSync(this.#fd);
    this.#fd = -1;
  }

  #put(parts: (string | Buffer)[]): void {
    const bytes = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
    for (let written = 0; written < bytes.length; ) written += writeSync(this.#fd, bytes, written);
  }

  /** RFC 3339 with nine decimals; never before an earlier one, even if the clock is set back. */
  #now(): string {
    const now = BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);
    this.#last = now > this.#last ? now : this.#last + 1n;
    const seconds = new Date(Number(this.#last / 1_000_000n)).toISOString().slice(0, 19);
    return `${seconds}.${(this.#last % 1_000_000_000n).toString().padStart(9, '0')}Z`;
  }
}
