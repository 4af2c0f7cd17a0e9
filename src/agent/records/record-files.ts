import { mkdir, open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type FinalRecord, finalRecordSchema } from './final-record.ts';

/** A record is about 1 KiB; a larger file is not one of ours. */
const maxRecordBytes = 64 * 1024;

/**
 * The files of the final records: `<dir>/<pod uid>/<container>-<restart count>.json`, each complete or absent
 * (temporary file, fsync, rename, fsync of the directory). Names are escaped, since a label may hold anything.
 */
export class RecordFiles {
  readonly #dir: string;
  readonly #log: Logger;

  constructor(dir: string, log: Logger) {
    this.#dir = dir;
    this.#log = log;
  }

  /** Durable once it resolves. */
  async write(record: FinalRecord): Promise<void> {
    const dir = join(this.#dir, encodeURIComponent(record.podUid));
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const name = `${encodeURIComponent(record.container)}-${record.restartCount}.json`;
    const temporary = join(dir, `.${name}.tmp`);
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(record)}\n`);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(dir, name));
    const directory = await open(dir, 'r');
    try {
      await directory.datasync();
    } finally {
      await directory.close();
    }
  }

  /**
   * All records, newest pods first, at most `max`. What a crash left half-written is removed; a file that is no record is
   * logged and left.
   */
  async load(max: number): Promise<FinalRecord[]> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const records: FinalRecord[] = [];
    for (const pod of await this.#podsByAge()) {
      for (const name of await readdir(join(this.#dir, pod))) {
        const path = join(this.#dir, pod, name);
        if (name.endsWith('.tmp')) await unlink(path);
        else if (records.length < max) await this.#read(path, records);
      }
    }
    return records;
  }

  /** Forgets a pod's records. */
  async remove(podUid: string): Promise<void> {
    await rm(join(this.#dir, encodeURIComponent(podUid)), { recursive: true, force: true });
  }

  /** Pod directories that were last written before `olderThan`, for retention. */
  async podsOlderThan(olderThan: Date): Promise<string[]> {
    const old: string[] = [];
    for (const pod of await readdir(this.#dir)) {
      const { mtime } = await stat(join(this.#dir, pod));
      if (mtime < olderThan) old.push(decodeURIComponent(pod));
    }
    return old;
  }

  async #podsByAge(): Promise<string[]> {
    const pods = await Promise.all(
      (await readdir(this.#dir)).map(async (name) => ({ name, at: (await stat(join(this.#dir, name))).mtimeMs })),
    );
    return pods.sort((a, b) => b.at - a.at).map((pod) => pod.name);
  }

  async #read(path: string, into: FinalRecord[]): Promise<void> {
    try {
      if ((await stat(path)).size > maxRecordBytes) throw new Error('larger than a record can be');
      into.push(finalRecordSchema.parse(JSON.parse(await readFile(path, 'utf8'))));
    } catch (error) {
      this.#log.warn({ path, err: error }, 'not a final record, left alone');
    }
  }
}
