import { closeSync } from 'node:fs';
import type { ChangeWatch } from './change-watch.ts';
import { type EmissaryEnd, readEnding } from './ending.ts';
import { Pace } from './pace.ts';
import { SharedVolume } from './shared-volume.ts';

export interface PodVolumeOptions {
  /** As the agent sees it. */
  readonly kubeletDirectory: string;
  /** Names that the shared volume may have. */
  readonly volumes: readonly string[];
  readonly changes: ChangeWatch;
  /** How soon a volume is looked at again that cannot be watched, in milliseconds. */
  readonly unwatchedMs: number;
  /** For how long emissaries are to wait for `collected`, in milliseconds; absent: they need not wait for this agent. */
  readonly collectWithinMs?: number;
}

/**
 * The shared volume of one pod: what is in it is looked at when something has changed in it, by inotify, paced. Nothing
 * of it is held open between two looks.
 */
export class PodVolume {
  readonly podUid: string;
  readonly #options: PodVolumeOptions;
  readonly #looked: () => void;
  readonly #pace = new Pace();
  readonly #cancels: (() => void)[] = [];
  #names: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** `looked` is called after each change, once the next one will be seen. */
  constructor(podUid: string, options: PodVolumeOptions, looked: () => void) {
    this.podUid = podUid;
    this.#options = options;
    this.#looked = looked;
  }

  /** The volume as it is now, for a moment; undefined where there is none in which an emissary is or will be. */
  open(): SharedVolume | undefined {
    const { kubeletDirectory, volumes } = this.#options;
    return (
      SharedVolume.open(kubeletDirectory, this.podUid, volumes, (volume) => volume.has('ctr')) ??
      SharedVolume.open(kubeletDirectory, this.podUid, volumes)
    );
  }

  /** Watches for these containers from now on; what has changed before that is the caller's to look at, afterwards. */
  watch(containers: readonly string[]): void {
    if (this.#closed) return;
    this.#names = containers;
    // All anew: a directory may have been put in another's place.
    this.#cancelAll();
    if (containers.length === 0) return;
    using volume = this.open();
    if (volume === undefined) return;
    this.#announce(volume);
    this.#arm(volume.fd);
    for (const name of ['ctr', ...containers.map((container) => `ctr/${container}`)]) {
      const fd = volume.directory(name);
      if (fd === undefined) continue;
      try {
        this.#arm(fd);
      } finally {
        closeSync(fd);
      }
    }
  }

  ending(container: string): EmissaryEnd | undefined {
    using volume = this.open();
    return volume && readEnding(volume, container);
  }

  /** Calls `changed` once, when something changes in the container's directory. The answer cancels that. */
  onceChanged(container: string, changed: () => void): () => void {
    using volume = this.open();
    const fd = volume?.directory(`ctr/${container}`);
    if (fd === undefined) return this.#unwatched(changed);
    try {
      return this.#options.changes.once(fd, 'directory', changed) ?? this.#unwatched(changed);
    } finally {
      closeSync(fd);
    }
  }

  /** The same for an open file that is written to. */
  onceWritten(fd: number, changed: () => void): () => void {
    return this.#options.changes.once(fd, 'file', changed) ?? this.#unwatched(changed);
  }

  /** The container's emissary need not wait for us any longer, if it does. */
  markCollected(container: string): void {
    using volume = this.open();
    const directory = `ctr/${container}`;
    if (volume === undefined || !volume.has('agent') || volume.has(`${directory}/collected`)) return;
    volume.write(directory, 'collected', '', 0o644);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#cancelAll();
  }

  #cancelAll(): void {
    for (const cancel of this.#cancels.splice(0)) cancel();
  }

  /** Only where an emissary is or will be: the volume may be there for other things. */
  #announce(volume: SharedVolume): void {
    const { collectWithinMs } = this.#options;
    if (collectWithinMs === undefined || volume.has('agent')) return;
    if (volume.has('ctr') || volume.has('podhand-emissary')) volume.write('', 'agent', `${collectWithinMs}`, 0o644);
  }

  /** What cannot be watched is looked at again all the same. */
  #unwatched(changed: () => void): () => void {
    const timer = setTimeout(changed, this.#options.unwatchedMs).unref();
    return () => clearTimeout(timer);
  }

  #arm(fd: number): void {
    const cancel = this.#options.changes.once(fd, 'directory', () =>
      this.#lookAfter(this.#pace.next(performance.now())),
    );
    if (cancel !== undefined) this.#cancels.push(cancel);
    else this.#lookAfter(this.#options.unwatchedMs);
  }

  #lookAfter(ms: number): void {
    if (this.#closed || this.#timer !== undefined) return;
    const look = () => {
      this.#timer = undefined;
      this.watch(this.#names);
      this.#looked();
    };
    this.#timer = setTimeout(look, ms).unref();
  }
}
