import type { Logger } from 'pino';
import type { FinalRecord } from './final-record.ts';
import type { RecordFiles } from './record-files.ts';
import type { Written } from './record-writer.ts';

interface Options {
  readonly files: Pick<RecordFiles, 'place' | 'load' | 'pods' | 'write' | 'finish'>;
  readonly log: Logger;
  readonly maxRecords: number;
  readonly metrics: { written(): void; refused(): void };
}

export interface Refused {
  readonly record: FinalRecord;
  /** `ENOSPC`, `EROFS`. */
  readonly why: string;
}

/** One that the disk has not taken by then is told of as one that it has refused. */
const slowMs = 30_000;

interface Writing {
  /** Of `performance.now`. */
  readonly since: number;
  /** Durable, or refused. */
  readonly done: Promise<void>;
}

/**
 * What of the final records is on the disk, and what the disk has refused so far. The disk may be full, read-only, slow,
 * away or another one at any time. Nothing is written before what an earlier agent left there could be read. Nothing
 * rejects.
 */
export class KeptRecords {
  readonly #options: Options;
  readonly #kept = new Map<string, FinalRecord>();
  readonly #refused = new Map<string, Refused>();
  /** One after the other for each attempt, the last of them: they have one name. */
  readonly #writing = new Map<string, Writing>();
  /** The place that was read last; undefined while none could be. */
  #place: string | undefined;
  #trouble: string | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  get refused(): ReadonlyMap<string, Refused> {
    return this.#refused;
  }

  /** Records that the disk has refused so far, or has not taken for half a minute. */
  get unwritten(): number {
    const began = performance.now() - slowMs;
    return this.#refused.size + [...this.#writing.values()].filter(({ since }) => since < began).length;
  }

  /** Whether the place of the records could be read when it was last looked at. */
  get isReadable(): boolean {
    return this.#place !== undefined;
  }

  /** What is there, if it was not read before; what was there and is gone is to be written again. */
  async read(): Promise<FinalRecord[]> {
    const { files, log, maxRecords } = this.#options;
    try {
      const place = await files.place();
      const { records, unfinished } =
        place === this.#place ? { records: [], unfinished: [] } : await files.load(maxRecords);
      for (const record of records) this.#kept.set(keyOf(record), record);
      this.#place = place;
      // Nobody waits for it: the disk may be as busy as when the last agent was killed.
      for (const record of unfinished) void this.#put(record, () => files.finish(record));
      await this.#missLost(place);
      if (this.#trouble !== undefined) log.info('the final records can be read again');
      this.#trouble = undefined;
      return records;
    } catch (error) {
      const why = reasonOf(error);
      if (this.#trouble !== why) log.error({ err: error }, 'the final records cannot be read: they are kept in memory');
      this.#trouble = why;
      this.#place = undefined;
      return [];
    }
  }

  /** Resolves once it is written, so that it outlives this agent, or refused. That it is durable comes later, see `synced`. */
  async keep(record: FinalRecord): Promise<void> {
    await this.#put(record, () => this.#options.files.write(record));
  }

  /** Once nothing is written that is not durable, or refused after all. */
  async synced(): Promise<void> {
    await Promise.all([...this.#writing.values()].map(({ done }) => done));
  }

  /** Tries the refused again, up to the first that is refused again. */
  async keepRefused(): Promise<void> {
    const { files, log } = this.#options;
    for (const [key, { record }] of [...this.#refused]) {
      await this.#writing.get(key)?.done;
      // Meanwhile it was written, forgotten, or another has taken its place.
      if (this.#refused.get(key)?.record !== record) continue;
      await this.#put(record, () => files.write(record), { isAgain: true });
      await this.#writing.get(key)?.done;
      if (this.#refused.has(key)) return;
      log.info({ container: record.container, pod: record.podName }, 'final record written after all');
    }
  }

  /** What was read is the truth: what was to be written in its place is not. */
  taken(key: string): void {
    this.#refused.delete(key);
  }

  forget(key: string): void {
    this.#kept.delete(key);
    this.#refused.delete(key);
  }

  /** Resolves once it is written, or refused; what comes of it then is in the maps. */
  #put(record: FinalRecord, write: () => Promise<Written>, { isAgain = false } = {}): Promise<void> {
    const key = keyOf(record);
    const told = Promise.withResolvers<void>();
    const store = () => this.#store(record, write, told.resolve, isAgain).finally(told.resolve);
    const before = this.#writing.get(key);
    const done = before === undefined ? store() : before.done.then(store);
    const writing: Writing = { since: performance.now(), done };
    this.#writing.set(key, writing);
    void done.then(() => {
      if (this.#writing.get(key) === writing) this.#writing.delete(key);
    });
    return told.promise;
  }

  async #store(
    record: FinalRecord,
    write: () => Promise<Written>,
    isWritten: () => void,
    isAgain: boolean,
  ): Promise<void> {
    const { log, metrics } = this.#options;
    const { container, podName: pod } = record;
    const key = keyOf(record);
    let wasWritten = false;
    try {
      if (this.#place === undefined) throw Object.assign(new Error('not readable'), { code: this.#trouble });
      const { durable } = await write();
      wasWritten = true;
      this.#kept.set(key, record);
      this.#refused.delete(key);
      isWritten();
      await durable;
      metrics.written();
    } catch (error) {
      // While the disk took its time it was forgotten, or what was found there counts.
      if (wasWritten && this.#kept.get(key) !== record) return;
      metrics.refused();
      const why = reasonOf(error);
      this.#kept.delete(key);
      this.#refused.set(key, { record, why });
      if (!isAgain) log.error({ container, pod, why }, 'final record not written');
    }
  }

  /** Somebody has removed it: what is known is written again. */
  async #missLost(place: string): Promise<void> {
    const { files, log } = this.#options;
    const kept = [...this.#kept];
    const pods = await files.pods();
    const lost = kept.filter(([, { podUid }]) => !pods.has(podUid));
    if (lost.length > 0) log.error({ records: lost.length, place }, 'final records are gone from the disk');
    for (const [key, record] of lost) {
      this.#kept.delete(key);
      this.#refused.set(key, { record, why: 'ENOENT' });
    }
  }
}

export function keyOf({
  podUid,
  container,
  restartCount,
}: Pick<FinalRecord, 'podUid' | 'container' | 'restartCount'>): string {
  return `${podUid}/${container}/${restartCount}`;
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'UNKNOWN';
}
