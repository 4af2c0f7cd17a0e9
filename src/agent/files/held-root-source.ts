import type { FileCredentials } from '../linux/credentials.ts';
import type { MountKind } from '../linux/mount-kind.ts';
import type { Mount } from './mounts.ts';
import { readBody } from './reader/body.ts';
import { JobControl } from './reader/control.ts';
import type { ReadPlace } from './reader/protocol.ts';
import type { FileSource } from './source.ts';
import { type SaveOptions, withWritePlace } from './write-place.ts';

export interface HeldRootOptions extends SaveOptions {
  /** O_PATH descriptor of the container's root, or of one of its volumes. Borrowed until `onRelease`. */
  readonly rootFd: number;
  /** The mounts of whoever sees the root, of the time when it was taken or later; what lies on another one is refused. */
  readonly mounts: readonly Mount[];
  /** See ReadPlace. */
  readonly volume?: ReadPlace['volume'];
  /** Of the container's user: files are opened with these. */
  readonly credentials: FileCredentials;
  /** Kinds of mounts that may be read. */
  readonly allowedMounts: readonly MountKind[];
  /** Called once, after `release()` and when nothing reads below the root any more. */
  onRelease(): void;
}

/** The default of `allowedMounts`: what the container's own image and processes wrote. */
export const readableMounts: readonly MountKind[] = ['rootfs', 'emptyDir', 'volume', 'tmpfs', 'runtimeFile'];

/** The files of a container whose root is held open, running or ended. */
export function createHeldRootSource(options: HeldRootOptions): FileSource {
  const { pool, podUid, rootFd, mounts, credentials, allowedMounts, volume } = options;
  const use = new UseCount(options.onRelease);
  const from = (path: Buffer): ReadPlace => ({
    rootFd,
    path,
    credentials,
    mounts,
    allowed: allowedMounts,
    ...(volume && { volume }),
  });
  return {
    readFile: (path, limits, signal, receiver) =>
      readBody(pool, podUid, { kind: 'file', from: from(path), limits }, { signal, receiver, ended: use.begin() }),
    readTar: (path, limits, signal, receiver) =>
      readBody(pool, podUid, { kind: 'tar', from: from(path), limits }, { signal, receiver, ended: use.begin() }),
    copyTo: async (path, destination, limits, signal) => {
      const ended = use.begin();
      try {
        return await withWritePlace(options, destination, async (to) => {
          const control = new JobControl().memory;
          const job = { kind: 'copy', from: from(path), to, limits } as const;
          const progress = { progress: destination.progress };
          const { summary, size } = await pool.run(podUid, { job, control }, progress, signal);
          return { ...summary, size };
        });
      } finally {
        ended();
      }
    },
    release: () => use.release(),
  };
}

/** Calls `free` once, when all that began has ended and `release` was called. */
class UseCount {
  readonly #free: () => void;
  #open = 1;
  #released = false;

  constructor(free: () => void) {
    this.#free = free;
  }

  begin(): () => void {
    if (this.#released) throw new Error('the source was released');
    this.#open++;
    let ended = false;
    return () => {
      if (!ended) this.#close();
      ended = true;
    };
  }

  release(): void {
    if (!this.#released) this.#close();
    this.#released = true;
  }

  #close(): void {
    if (--this.#open === 0) this.#free();
  }
}
