import type { Logger } from 'pino';
import { type Container, hasEnded, type Pod, type Usage } from '../pods/model.ts';
import type { PodChange, PodStore } from '../pods/store.ts';
import { containerOf, type FinalRecord, recordOf } from './final-record.ts';
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
  /** What the disk has refused; never more than what is known. */
  readonly #unwritten = new Map<string, FinalRecord>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** Records that the disk has refused so far. */
  get unwritten(): number {
    return this.#unwritten.size;
  }

  /** Loads what was written before, then records until `signal` aborts. Call before the store is fed. */
  async start(signal: AbortSignal): Promise<void> {
    for (const record of await this.#options.files.load(this.#options.maxRecords)) {
      this.#known.set(keyOf(record.podUid, record.container, record.restartCount), record);
    }
    this.#options.store.subscribe((change) => this.#onChange(change), signal);
  }

  /**
   * The record of an attempt that has ended, once it is on the disk. If the disk refuses (full, read-only), the record
   * is answered from memory and the failure is logged: the truth is worth more to the caller than its durability. It is
   * written later, see `writeAgain`.
   */
  async final(pod: Pod, container: Container): Promise<FinalRecord> {
    return await this.#record(pod, container);
  }

  /** Resolves once every record that is being written is on the disk. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#records.values());
    await this.writeAgain();
  }

  /** Writes what the disk has refused before; to be called now and then. Stops at the first that it refuses again. */
  async writeAgain(): Promise<void> {
    const { log } = this.#options;
    for (const [key, record] of this.#unwritten) {
      try {
        await this.#toDisk(record);
      } catch {
        // It was logged when it was refused first.
        return;
      }
      this.#unwritten.delete(key);
      log.info({ container: record.container, pod: record.podName }, 'final record written after all');
    }
  }

  /** Removes what is older than the retention time and no longer on the node. */
  async prune(olderThan: Date): Promise<void> {
    for (const uid of await this.#options.files.podsOlderThan(olderThan)) {
      if (this.#options.store.pod(uid) !== undefined) continue;
      for (const map of [this.#known, this.#records, this.#unwritten]) {
        for (const key of map.keys()) if (key.startsWith(`${uid}/`)) map.delete(key);
      }
      await this.#options.files.remove(uid);
    }
  }

  #onChange(change: PodChange): void {
    if (change.type === 'container' && hasEnded(change.container)) this.#onEnd(change.pod, change.container);
    if (change.type === 'pod-added') this.#recall(change.pod);
  }

  #onEnd(pod: Pod, container: Container): void {
    const known = this.#known.get(keyOf(pod.uid, container.name, container.restartCount));
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
    const key = keyOf(pod.uid, container.name, container.restartCount);
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
    // A record of the same attempt may still be on its way to the same name.
    await this.#records.get(key);
    try {
      await this.#toDisk(record);
      this.#unwritten.delete(key);
    } catch (error) {
      this.#unwritten.set(key, record);
      this.#options.log.error(
        { err: error, container: record.container, pod: record.podName },
        'final record not written',
      );
    }
    this.#options.onRecord?.(record);
    return record;
  }

  async #toDisk(record: FinalRecord): Promise<void> {
    const { files, metrics } = this.#options;
    try {
      await files.write(record);
    } catch (error) {
      metrics.refused();
      throw error;
    }
    metrics.written();
  }

  #bound(): void {
    for (const key of this.#known.keys()) {
      if (this.#known.size <= this.#options.maxRecords) return;
      this.#known.delete(key);
      this.#records.delete(key);
      this.#unwritten.delete(key);
    }
  }
}

function givesWay(known: FinalRecord, { exit }: Container): boolean {
  if (exit?.exitCode === undefined) return false;
  if (!known.exitKnown) return true;
  return known.source === 'emissary' && exit.source !== 'emissary' && exit.exitCode !== known.exitCode;
}

function keyOf(podUid: string, container: string, restartCount: number): string {
  return `${podUid}/${container}/${restartCount}`;
}
