import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import {
  AT_FDCWD,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_XDEV,
  S_IFMT,
  S_IFREG,
  strictlyBeneath,
} from '../../linux/constants.ts';
import { fchmod, mkdirat, openat2, renameat2, unlinkat } from '../../linux/file-calls.ts';
import { type FileStatus, statx } from '../../linux/statx.ts';
import { hasErrno, SyscallError } from '../../linux/syscalls.ts';

/** A pod uid that may be a directory's name. */
const uidShape = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
/** In the volume everything is the pod's: no link is followed, no mount crossed. */
const inVolume = strictlyBeneath | RESOLVE_NO_XDEV;
const directoryFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW;

/** An open file of a volume; the receiver's to close. */
export interface VolumeFile {
  readonly fd: number;
  readonly status: FileStatus;
}

/**
 * A pod's shared volume, held open for a moment: a descriptor in an emptyDir in memory keeps the kubelet from unmounting
 * it. What is in it is the pod's and may change between any two calls; names are relative to the volume.
 */
export class SharedVolume implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** The first of the volumes of these names that `isWanted`; undefined where the node has none. */
  static open(
    kubeletDirectory: string,
    podUid: string,
    names: readonly string[],
    isWanted: (volume: SharedVolume) => boolean = () => true,
  ): SharedVolume | undefined {
    if (!uidShape.test(podUid)) return undefined;
    for (const name of names) {
      const volume = openNamed(kubeletDirectory, `pods/${podUid}/volumes/kubernetes.io~empty-dir/${name}`);
      if (volume === undefined) continue;
      const opened = new SharedVolume(volume);
      if (isWanted(opened)) return opened;
      opened[Symbol.dispose]();
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** O_PATH descriptor of the volume itself; not the receiver's. */
  get fd(): number {
    return this.#fd;
  }

  /** O_PATH descriptor of a directory, to be closed; undefined where there is none. */
  directory(name: string): number | undefined {
    return attempt(() => openat2(this.#fd, Buffer.from(name), { flags: directoryFlags, resolve: inVolume }));
  }

  has(name: string): boolean {
    const fd = attempt(() => openat2(this.#fd, Buffer.from(name), { flags: O_PATH | O_NOFOLLOW, resolve: inVolume }));
    if (fd !== undefined) closeSync(fd);
    return fd !== undefined;
  }

  /** A regular file for reading; undefined for everything else. A FIFO or device is never opened. */
  file(name: string | Buffer): VolumeFile | undefined {
    const path = attempt(() => openat2(this.#fd, Buffer.from(name), { flags: O_PATH | O_NOFOLLOW, resolve: inVolume }));
    if (path === undefined) return undefined;
    try {
      const status = statx(path);
      if ((status.mode & S_IFMT) !== S_IFREG) return undefined;
      // The very file that was looked at. O_NONBLOCK: a lease of the pod's must not hold us.
      const fd = attempt(() => openSync(`/proc/self/fd/${path}`, constants.O_RDONLY | constants.O_NONBLOCK));
      return fd === undefined ? undefined : { fd, status };
    } finally {
      closeSync(path);
    }
  }

  /** A small file's text with its status; undefined where there is none, or one that is larger than `limit` bytes. */
  text(name: string, limit: number): { readonly text: string; readonly status: FileStatus } | undefined {
    const file = this.file(name);
    if (file === undefined) return undefined;
    try {
      const bytes = Buffer.alloc(limit + 1);
      const length = attempt(() => readSync(file.fd, bytes, 0, bytes.length, 0));
      if (length === undefined || length > limit) return undefined;
      return { text: bytes.toString('utf8', 0, length), status: file.status };
    } finally {
      closeSync(file.fd);
    }
  }

  /** A directory for everybody, where there is none. Answers whether there is one now. */
  makeDirectory(parent: string, name: string): boolean {
    const at = parent === '' ? this.#fd : this.directory(parent);
    if (at === undefined) return false;
    const before = process.umask(0);
    try {
      attempt(() => mkdirat(at, Buffer.from(name), 0o777));
    } finally {
      process.umask(before);
      if (at !== this.#fd) closeSync(at);
    }
    return this.has(parent === '' ? name : `${parent}/${name}`);
  }

  /** Complete or absent: written beside and renamed. Whatever had the name is replaced. Answers whether it is there. */
  write(directory: string, name: string, text: string, mode: number): boolean {
    const at = directory === '' ? this.#fd : this.directory(directory);
    if (at === undefined) return false;
    const temporary = Buffer.from(`.${name}.podhand`);
    try {
      attempt(() => unlinkat(at, temporary));
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | O_NOFOLLOW;
      const fd = attempt(() => openat2(at, temporary, { flags, mode: 0o600, resolve: inVolume }));
      if (fd === undefined) return false;
      try {
        const written = attempt(() => {
          fchmod(fd, mode);
          return writeSync(fd, text);
        });
        if (written !== Buffer.byteLength(text)) return false;
      } finally {
        closeSync(fd);
      }
      const renamed = attempt(() => {
        renameat2(at, temporary, at, Buffer.from(name), 0);
        return true;
      });
      return renamed === true;
    } finally {
      if (at !== this.#fd) closeSync(at);
    }
  }

  /** Removes a name that is no directory; says nothing where it cannot. */
  remove(directory: string, name: string): void {
    const at = this.directory(directory);
    if (at === undefined) return;
    try {
      attempt(() => unlinkat(at, Buffer.from(name)));
    } finally {
      closeSync(at);
    }
  }
}

function openNamed(kubeletDirectory: string, name: string): number | undefined {
  const how = { flags: O_PATH | O_DIRECTORY, resolve: RESOLVE_NO_MAGICLINKS };
  const kubelet = attempt(() => openat2(AT_FDCWD, Buffer.from(kubeletDirectory), how));
  if (kubelet === undefined) return undefined;
  try {
    // The way is the kubelet's; an emptyDir in memory is a mount of its own.
    return attempt(() => openat2(kubelet, Buffer.from(name), { flags: directoryFlags, resolve: strictlyBeneath }));
  } finally {
    closeSync(kubelet);
  }
}

/** Whatever the kernel refuses in the pod's own directory is the pod's doing, and as good as nothing there. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof SyscallError || hasErrno(error, ...refusals)) return undefined;
    throw error;
  }
}

/** Of node:fs, on a descriptor. */
const refusals = [
  'EACCES',
  'EAGAIN',
  'EIO',
  'EDQUOT',
  'EFBIG',
  'EINTR',
  'EISDIR',
  'ELOOP',
  'ENOENT',
  'ENOSPC',
  'ENXIO',
  'EPERM',
  'EROFS',
  'ESTALE',
  'ETXTBSY',
];
