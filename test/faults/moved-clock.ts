import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureFiles } from '../node/debian.ts';

const triplets: Readonly<Record<string, string>> = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
const library = `/usr/lib/${triplets[process.arch]}/faketime/libfaketimeMT.so.1`;

/**
 * The wall clock of one process, which is moved while it runs: by Debian's libfaketime, loaded before anything else. Its
 * monotonic clock and the times of files stay what they are, as they do when the clock of a node is set.
 */
export class MovedClock {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
    this.moveTo(0);
  }

  static async make(): Promise<MovedClock> {
    await ensureFiles([library], ['libfaketime']);
    return new MovedClock(join(tmpdir(), `podhand-clock-${process.pid}-${performance.now()}`));
  }

  /** For the process whose clock it is to be. */
  get environment(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    };
  }

  /** Seconds by which it differs from the true time from now on. */
  moveTo(seconds: number): void {
    writeFileSync(this.#file, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  }

  remove(): void {
    rmSync(this.#file, { force: true });
  }
}
