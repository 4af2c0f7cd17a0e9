import type { Logger } from 'pino';
import { type Container, hasEnded, type Pod, type Usage } from '../pods/model.ts';
import type { PodChange, PodStore } from '../pods/store.ts';
import { containerOf, type FinalRecord, recordOf } from './final-record.ts';
import { KeptRecords, keyOf } from './kept-records.ts';
import type { RecordFiles } from './record-files.ts';

interface Options {
  readonly store: PodStore;
  readonly files: RecordFiles;
  readonly log: Logger;
  readonly maxRecords: number;
  /** Told of every write. */
  readonly metrics: { written(): void; refused(): void };
  /** Told of every record once it is written, or the disk has refused it. */
  onRecord?(record: FinalRecord): void;
  /** Figures of the container at its end. */
  usageAtEnd(pod: Pod, container: Container): Usage | undefined;
}

/** A record as it is answered. */
export interface AnsweredRecord extends FinalRecord {
  /** Why it is in memory alone so far: the errno of the disk. */
  readonly notKept?: string;
}

/**
 * Writes one final record per attempt of a container, as soon as its end is in the store, and answers from there ever
 * after: a step that ended is known to have ended, also when the agent was restarted or the runtime has forgotten it.
 * A record is never changed, but for two cases: one that says "unknown", and one that has a pod's own word on its exit
 * code, give way to the truth.
 */
export class Recorder {
  readonly #options: Options;
  readonly #records = new Map<string, Promise<FinalRecord>>();
  readonly #known = new Map<string, FinalRecord>();
  readonly #kept: KeptRecords;
  #reading: Promise<void> | undefined;
  #tidying: Promise<void> | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#kept = new KeptRecords(options);
  }

  /** Records that the disk has refused so far, or has not taken for half a minute. */
  get unwritten(): number {
    return this.#kept.unwritten;
  }

  /** Whether the place of the records can be read. */
  get isReadable(): boolean {
    return this.#kept.isReadable;
  }

  /**
   * Reads what was written before, then records until `signal` aborts. Call before the store is fed. What cannot be read
   * now is read later, see `tidy`.
   */
  async start(signal: AbortSignal): Promise<void> {
    await this.#read();
    this.#options.store.subscribe((change) => this.#onChange(change), signal);
  }

  /**
   * The record of an attempt that has ended, once it is written: it outlives this agent, and is durable as soon as the
   * disk has it, which may take long beside a pod that writes gigabytes. If the disk refuses (full, read-only), the record
   * is answered from memory, which it says, and the failure is logged: the truth is worth more to the caller than its
   * durability. It is written later, see `tidy`.
   */
  async final(pod: Pod, container: Container): Promise<AnsweredRecord> {
    const record = await this.#record(pod, container);
    const refused = this.#kept.refused.get(keyOf(record));
    return refused === undefined ? record : { ...record, notKept: refused.why };
  }

  /** Resolves once every record that is being written is on the disk. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#records.values());
    await this.tidy();
    await this.#kept.synced();
  }

  /** Looks at the disk: reads what is there and was not, writes what it has refused or lost. To be called now and then. */
  async tidy(): Promise<void> {
    this.#tidying ??= this.#read()
      .then(() => this.#kept.keepRefused())
      .finally(() => {
        this.#tidying = undefined;
      });
    await this.#tidying;
  }

  /** Removes what is older than the retention time and no longer on the node. */
  async prune(olderThan: Date): Promise<void> {
    const { files, log, store } = this.#options;
    try {
      for (const uid of await files.podsOlderThan(olderThan)) {
        if (store.pod(uid) !== undefined) continue;
        for (const key of [...this.#known.keys()]) if (key.startsWith(`${uid}/`)) this.#forget(key);
        await files.remove(uid);
      }
    } catch (err) {
      log.error({ err }, 'old final records not removed');
    }
  }

  async #read(): Promise<void> {
    this.#reading ??= this.#kept
      .read()
      .then((found) => {
        for (const record of found) if (this.#known.size < this.#options.maxRecords) this.#take(record);
      })
      .finally(() => {
        this.#reading = undefined;
      });
    await this.#reading;
  }

  /** A record that was found on the disk: what it knows is worth more than what was not known meanwhile. */
  #take(record: FinalRecord): void {
    const key = keyOf(record);
    const known = this.#known.get(key);
    if (known !== undefined && (known.exitKnown || !record.exitKnown)) return;
    this.#known.set(key, record);
    this.#records.delete(key);
    this.#kept.taken(key);
    const { store } = this.#options;
    const pod = store.pod(record.podUid);
    const shown = store.byId(record.podUid, record.containerId);
    if (pod !== undefined && (shown === undefined || shown.state === 'unknown')) store.put(pod, containerOf(record));
  }

  #onChange(change: PodChange): void {
    if (change.type === 'container' && hasEnded(change.container)) this.#onEnd(change.pod, change.container);
    if (change.type === 'pod-added') this.#recall(change.pod);
  }

  #onEnd(pod: Pod, container: Container): void {
    const known = this.#known.get(attemptKey(pod, container));
    // The runtime has forgotten how it ended; we have not.
    if (known?.exitKnown === true && container.state === 'unknown') this.#options.store.put(pod, containerOf(known));
    else void this.#record(pod, container);
  }

  /** What is on record of a pod that the source names again after a restart, before the source names its containers. */
  #recall(pod: Pod): void {
    for (const record of this.#known.values()) {
      if (record.podUid === pod.uid) this.#options.store.put(pod, containerOf(record));
    }
  }

  #record(pod: Pod, container: Container): Promise<FinalRecord> {
    const key = attemptKey(pod, container);
    const known = this.#known.get(key);
    if (known !== undefined && !givesWay(known, container)) return this.#records.get(key) ?? Promise.resolve(known);
    const record = recordOf(pod, container, this.#options.usageAtEnd(pod, container));
    this.#known.set(key, record);
    this.#bound();
    const written = this.#write(key, record);
    this.#records.set(key, written);
    return written;
  }

  async #write(key: string, record: FinalRecord): Promise<FinalRecord> {
    // A record of the same attempt may still be on its way to the same name. Where none is the thread that writes begins
    // at once, beside whoever else hears of the end.
    const before = this.#records.get(key);
    if (before !== undefined) await before;
    if (!this.#kept.isReadable) await this.#read();
    const known = this.#known.get(key) ?? record;
    // What was just read may know more.
    if (known !== record && known.exitKnown && !record.exitKnown) return known;
    await this.#kept.keep(record);
    this.#options.onRecord?.(record);
    return record;
  }

  #bound(): void {
    for (const key of this.#known.keys()) {
      if (this.#known.size <= this.#options.maxRecords) return;
      this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#known.delete(key);
    this.#records.delete(key);
    this.#kept.forget(key);
  }
}

function givesWay(known: FinalRecord, { exit }: Container): boolean {
  if (exit?.exitCode === undefined) return false;
  if (!known.exitKnown) return true;
  return known.source === 'emissary' && exit.source !== 'emissary' && exit.exitCode !== known.exitCode;
}

function attemptKey({ uid }: Pod, { name, restartCount }: Container): string {
  return keyOf({ podUid: uid, container: name, restartCount });
}
