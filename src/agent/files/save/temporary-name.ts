import { createHash, randomBytes } from 'node:crypto';
import { closeSync, readFileSync } from 'node:fs';
import { O_DIRECTORY, O_RDONLY } from '../../linux/constants.ts';
import { getdents64, openat2 } from '../../linux/file-calls.ts';
import { parseStartTime } from '../../linux/proc-status.ts';
import { below } from './remove-tree.ts';

/** A directory of more entries keeps what an agent that died has left in it; the next save of a smaller one removes it. */
const maxEntries = 20_000;

/**
 * What a destination is called while it is made: `.podhand-<whose and where>-<which agent>-<random>`. By the first an
 * agent knows what was begun for the same destination of the same pod; by the second, that the agent which began it is
 * gone: there is one on a node, and its threads share the name.
 */
export class TemporaryName {
  readonly name: Buffer;
  readonly #prefix: string;
  readonly #agent: string;

  constructor(podUid: string, path: Buffer) {
    const place = createHash('sha256').update(podUid).update('\0').update(path).digest('hex').slice(0, 16);
    this.#prefix = `.podhand-${place}-`;
    this.#agent = thisAgent();
    this.name = Buffer.from(`${this.#prefix}${this.#agent}-${randomBytes(8).toString('hex')}`);
  }

  /** Names in the directory (O_PATH will do) that an agent which is gone has left of this destination. */
  abandoned(directoryFd: number): Buffer[] {
    const fd = openat2(directoryFd, Buffer.from('.'), { flags: O_RDONLY | O_DIRECTORY, resolve: below });
    try {
      const found: Buffer[] = [];
      const buffer = Buffer.allocUnsafe(32 * 1024);
      for (let seen = 0; seen < maxEntries; ) {
        const batch = getdents64(fd, buffer);
        if (batch.length === 0) break;
        seen += batch.length;
        found.push(...batch.map(({ name }) => Buffer.from(name)).filter((name) => this.#isAbandoned(name)));
      }
      return found;
    } finally {
      closeSync(fd);
    }
  }

  #isAbandoned(name: Buffer): boolean {
    const text = name.toString('latin1');
    return text.startsWith(this.#prefix) && !text.startsWith(`${this.#prefix}${this.#agent}-`);
  }
}

/** The same in all threads of this process, and in no other process since the node started. */
function thisAgent(): string {
  const started = parseStartTime(readFileSync('/proc/self/stat', 'latin1'));
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1');
  return createHash('sha256').update(`${boot} ${process.pid} ${started}`).digest('hex').slice(0, 16);
}
