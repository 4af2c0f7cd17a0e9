import { randomBytes } from 'node:crypto';
import { closeSync, constants, fchmodSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { directoryName, joined } from './paths.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

/**
 * A file that appears whole or not at all: it is written under a temporary name in the same directory, and renamed
 * when it is on the disk. Disposed before `commit`, it leaves nothing.
 */
export class AtomicFile {
  readonly #target: Buffer;
  readonly #temporary: Buffer;
  readonly #file: number;
  #open = true;

  constructor(target: Buffer, mode: number = 0o666) {
    this.#target = target;
    this.#temporary = joined(directoryName(target), temporaryName());
    this.#file = openSync(this.#temporary, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, mode);
  }

  write(bytes: Uint8Array): void {
    let written = 0;
    while (written < bytes.length) written += writeSync(this.#file, bytes, written);
  }

  /** Exactly this mode, whatever the umask. */
  setMode(mode: number): void {
    fchmodSync(this.#file, mode);
  }

  /** Where the content is until `commit`. */
  get temporaryPath(): Buffer {
    return this.#temporary;
  }

  /** Replaces the target. Unless `durable` is false it survives a crash of the machine from then on. */
  commit({ durable = true }: { durable?: boolean } = {}): void {
    if (durable) fsyncSync(this.#file);
    closeSync(this.#file);
    this.#open = false;
    try {
      renameSync(this.#temporary, this.#target);
    } catch (error) {
      unlinkSync(this.#temporary);
      throw error;
    }
    if (durable) syncDirectory(directoryName(this.#target));
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#file);
    unlinkSync(this.#temporary);
  }
}

/** A hidden name that nobody else has. */
export function temporaryName(): Buffer {
  return Buffer.from(`.podhand-${randomBytes(8).toString('hex')}`);
}

function syncDirectory(path: Buffer): void {
  const directory = openSync(path, O_RDONLY | O_DIRECTORY);
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
