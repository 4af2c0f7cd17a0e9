import { closeSync } from 'node:fs';
import { AT_FDCWD, fileSystemMagic, O_DIRECTORY, O_NOFOLLOW, O_PATH, strictlyBeneath } from '../linux/constants.ts';
import { fstatfsType, openat2 } from '../linux/file-calls.ts';
import { statx } from '../linux/statx.ts';
import { hasErrno, SyscallError } from '../linux/syscalls.ts';
import type { Obstacle } from './socket-file.ts';
import type { OpenPlace, SocketPlace } from './socket-place.ts';

const flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
const writableByOthers = 0o022;

/** Where the kubelet puts a pod's emptyDir volumes, below its pods directory. */
export function volumesDirectory(podUid: string): string {
  return `${podUid}/volumes/kubernetes.io~empty-dir`;
}

/**
 * An emptyDir volume, resolved anew each time: what is in its place counts, not what was. The way to it is the kubelet's
 * and nobody else's; the volume itself is on the same device, or a tmpfs.
 */
export class VolumePlace implements SocketPlace {
  readonly kind = 'emptyDir';
  readonly podUid: string;
  readonly volume: string;
  readonly #podsDirectory: Buffer;

  constructor(podsDirectory: string, podUid: string, volume: string) {
    this.#podsDirectory = Buffer.from(podsDirectory);
    this.podUid = podUid;
    this.volume = volume;
  }

  open(): OpenPlace | Obstacle | undefined {
    const opened: number[] = [];
    const open = (directory: number, name: Buffer, resolve: number): number => {
      const fd = openat2(directory, name, { flags, resolve });
      opened.push(fd);
      return fd;
    };
    try {
      const pods = open(AT_FDCWD, this.#podsDirectory, 0);
      // Mounts may be crossed: an emptyDir in memory is one.
      const parent = open(pods, Buffer.from(volumesDirectory(this.podUid)), strictlyBeneath);
      const found = this.#look(pods, parent, open(parent, Buffer.from(this.volume), strictlyBeneath));
      if ('fd' in found) opened.pop();
      return found;
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return undefined;
      if (error instanceof SyscallError) return { obstacle: error.code };
      throw error;
    } finally {
      for (const fd of opened) closeSync(fd);
    }
  }

  left(): void {
    // The kubelet made it and removes it.
  }

  #look(pods: number, parent: number, fd: number): OpenPlace | Obstacle {
    const above = statx(parent);
    if (above.uid !== statx(pods).uid || (above.mode & writableByOthers) !== 0) return { obstacle: 'owner' };
    const { dev, ino, mountRoot } = statx(fd);
    const asExpected = mountRoot ? fstatfsType(fd) === fileSystemMagic.tmpfs : dev === above.dev;
    return asExpected ? { fd, dev, ino, mounted: mountRoot } : { obstacle: 'device' };
  }
}
