import { lstat, mkdir, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { hasErrno } from '../linux/syscalls.ts';
import type { FinalRecord } from './final-record.ts';
import { fileNameOf, readRecord, setAsideEnding } from './record-file.ts';
import { RecordWriter, unfinishedEnding, type Written } from './record-writer.ts';

export interface LoadedRecords {
  readonly records: FinalRecord[];
  /** Of these: written by an agent that was killed before they had their place. */
  readonly unfinished: FinalRecord[];
}

/**
 * The files of the final records: `<dir>/<pod uid>/<container>-<restart count>.json`, each complete or absent
 * (temporary file, fsync, rename, fsync of the directory). A temporary file that is whole is a record as well: its agent
 * was killed before the disk had it, and may have answered it. Names are escaped, since a label may hold anything. What has
 * the name of a record and is none is moved aside, so that it neither passes for one nor keeps one from being written.
 */
export class RecordFiles {
  readonly #dir: string;
  readonly #log: Logger;
  readonly #onDamaged: () => void;
  readonly #writer = new RecordWriter();
  /** Paths of what has its temporary name for now. */
  readonly #underWay = new Set<string>();

  constructor(dir: string, log: Logger, onDamaged: () => void) {
    this.#dir = dir;
    this.#log = log;
    this.#onDamaged = onDamaged;
  }

  /** Once it resolves it outlives this process; a crash of the machine once it is durable. */
  async write(record: FinalRecord): Promise<Written> {
    return await this.#put(record, `${JSON.stringify(record)}\n`);
  }

  /** What `load` has found unfinished gets its place. */
  async finish(record: FinalRecord): Promise<Written> {
    return await this.#put(record, undefined);
  }

  async #put(record: FinalRecord, text: string | undefined): Promise<Written> {
    const dir = this.#podDir(record.podUid);
    const name = fileNameOf(record);
    const file = { path: join(dir, name), temporary: temporaryOf(name), text };
    this.#underWay.add(file.path);
    const over = () => void this.#underWay.delete(file.path);
    const again = async (error: unknown): Promise<Written> => {
      if (!hasErrno(error, 'EEXIST', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY')) throw error;
      await this.#clear(dir, name);
      return await this.#writer.write(file);
    };
    try {
      const written = await this.#writer.write(file).catch(again);
      // The name itself is taken only when it is put in its place.
      const durable = written.durable.catch(async (error: unknown) => await (await again(error)).durable);
      durable.then(over, over);
      return { durable };
    } catch (error) {
      over();
      throw error;
    }
  }

  /** Once what is being written is on the disk. */
  async close(): Promise<void> {
    await this.#writer.close();
  }

  /** Changes when another directory, another file system or nothing is there instead. Makes the directory if it can. */
  async place(): Promise<string> {
    const failure: unknown = await makeDirectory(this.#dir).then(
      () => undefined,
      (error) => error,
    );
    const { dev, ino, birthtimeNs } = await stat(this.#dir, { bigint: true }).catch((error) => {
      throw failure ?? error;
    });
    return `${dev} ${ino} ${birthtimeNs}`;
  }

  /** All records, newest pods first, at most `max`. What a crash left half-written is removed. */
  async load(max: number): Promise<LoadedRecords> {
    const records: FinalRecord[] = [];
    const unfinished: FinalRecord[] = [];
    for (const pod of await this.#podsByAge()) {
      const names = await this.#namesOf(pod);
      const later = new Set<string>();
      for (const name of names.filter(isTemporary)) {
        const record = await this.#unfinished(pod, name);
        if (record === undefined || records.length >= max) continue;
        later.add(fileNameOf(record));
        unfinished.push(record);
        records.push(record);
      }
      for (const name of names.filter((each) => each.endsWith('.json') && !later.has(each))) {
        if (records.length >= max) break;
        const record = await this.#read(join(this.#dir, pod, name), pod, name);
        if (record !== undefined) records.push(record);
      }
    }
    return { records, unfinished };
  }

  /** A temporary file that is whole; what is not is removed, but for our own, which is about to get its place. */
  async #unfinished(pod: string, name: string): Promise<FinalRecord | undefined> {
    const path = join(this.#dir, pod, name);
    if (this.#underWay.has(join(this.#dir, pod, nameOfTemporary(name)))) return undefined;
    try {
      const found = await readRecord(path);
      if (typeof found !== 'string' && isOf(found, pod, name, temporaryOf)) return found;
      await unlink(path);
    } catch (error) {
      this.#leave(path, error);
    }
    return undefined;
  }

  /** Of which pods there are records. */
  async pods(): Promise<ReadonlySet<string>> {
    return new Set((await readdir(this.#dir)).map(unescaped));
  }

  /** Forgets a pod's records. */
  async remove(podUid: string): Promise<void> {
    await rm(this.#podDir(podUid), { recursive: true, force: true });
  }

  /** Pods whose directory was last written before `olderThan`, for retention. */
  async podsOlderThan(olderThan: Date): Promise<string[]> {
    const found = await this.#entries();
    return found.filter(({ at }) => at < olderThan.getTime()).map(({ name }) => unescaped(name));
  }

  #podDir(podUid: string): string {
    return join(this.#dir, encodeURIComponent(podUid));
  }

  async #podsByAge(): Promise<string[]> {
    const pods: string[] = [];
    for (const { name, isDirectory } of (await this.#entries()).sort((a, b) => b.at - a.at)) {
      if (isDirectory) pods.push(name);
      else if (!name.endsWith(setAsideEnding)) await this.#setAside(join(this.#dir, name), 'no directory');
    }
    return pods;
  }

  async #entries(): Promise<{ name: string; at: number; isDirectory: boolean }[]> {
    const entries = (await readdir(this.#dir)).map(async (name) => {
      const found = await lstat(join(this.#dir, name)).catch((err) => this.#leave(join(this.#dir, name), err));
      return found === undefined ? [] : [{ name, at: found.mtimeMs, isDirectory: found.isDirectory() }];
    });
    return (await Promise.all(entries)).flat();
  }

  async #namesOf(pod: string): Promise<string[]> {
    const path = join(this.#dir, pod);
    return (await readdir(path).catch((err) => this.#leave(path, err))) ?? [];
  }

  async #read(path: string, pod: string, name: string): Promise<FinalRecord | undefined> {
    try {
      const found = await readRecord(path);
      if (typeof found === 'string') await this.#setAside(path, found);
      else if (isOf(found, pod, name)) return found;
      else await this.#setAside(path, 'it is of another container');
    } catch (error) {
      this.#leave(path, error);
    }
    return undefined;
  }

  /** Makes way for a pod's directory, or for a record in it. */
  async #clear(dir: string, name: string): Promise<void> {
    const isDirectory = await lstat(dir).then(
      (found) => found.isDirectory(),
      () => undefined,
    );
    if (isDirectory === false) await this.#setAside(dir, 'no directory');
    if (isDirectory !== true) return;
    const temporary = temporaryOf(name);
    for (const path of [name, temporary, `${temporary}${unfinishedEnding}`].map((each) => join(dir, each))) {
      const found = await lstat(path).catch(() => undefined);
      if (found?.isDirectory()) await this.#setAside(path, 'a directory');
    }
  }

  async #setAside(path: string, why: string): Promise<void> {
    this.#onDamaged();
    const to = `${path}${setAsideEnding}`;
    try {
      await rm(to, { recursive: true, force: true });
      await rename(path, to);
      this.#log.error({ path, why, to }, 'not a final record, moved aside');
    } catch (err) {
      this.#log.error({ path, why, err }, 'not a final record, left alone');
    }
  }

  #leave(path: string, err: unknown): undefined {
    if (!hasErrno(err, 'ENOENT')) this.#log.error({ path, err }, 'not readable among the final records, left alone');
  }
}

function isOf(record: FinalRecord, pod: string, name: string, named = (file: string) => file): boolean {
  return pod === encodeURIComponent(record.podUid) && name === named(fileNameOf(record));
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, 0o700);
  } catch (error) {
    if (hasErrno(error, 'EEXIST')) return;
    if (!hasErrno(error, 'ENOENT')) throw error;
    // Not at once: on a read-only file system it fails with ENOENT, which says nothing.
    await mkdir(path, { recursive: true, mode: 0o700 });
  }
}

function isTemporary(name: string): boolean {
  return name.endsWith('.tmp') || name.endsWith(`.tmp${unfinishedEnding}`);
}

function temporaryOf(name: string): string {
  return `.${name}.tmp`;
}

function nameOfTemporary(name: string): string {
  return name.slice(1, name.lastIndexOf('.tmp'));
}

/** A name that is not escaped as ours are stands for itself. */
function unescaped(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
