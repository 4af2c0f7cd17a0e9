import { closeSync } from 'node:fs';
import { fileError } from '../files/errno.ts';
import type { Mount } from '../files/mounts.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH, RESOLVE_NO_MAGICLINKS, strictlyBeneath } from '../linux/constants.ts';
import { openat2 } from '../linux/file-calls.ts';
import { ownMount } from '../linux/own-mount.ts';
import { hasErrno } from '../linux/syscalls.ts';
import { notReachable, type VolumePlace } from './volume-place.ts';

const flags = O_PATH | O_DIRECTORY;

/** A volume of a pod, held open: `rootFd` is the receiver's to close. */
export interface VolumeRoot {
  readonly rootFd: number;
  /** The one mount that the volume is on. */
  readonly mounts: readonly Mount[];
}

/**
 * Opens the mounted part of a volume below the kubelet's directory, as the agent sees it.
 * Errors: VOLUME_NOT_REACHABLE and those of a path.
 */
export function openVolumeRoot(kubeletDirectory: string, place: VolumePlace, path: Buffer): VolumeRoot {
  const kubelet = openat2(AT_FDCWD, Buffer.from(kubeletDirectory), { flags, resolve: RESOLVE_NO_MAGICLINKS });
  try {
    const whole = openBelow(kubelet, place.directory, place, path);
    if (place.subPath === '') return withMount(whole, place);
    try {
      return withMount(openBelow(whole, place.subPath, place, path), place);
    } finally {
      closeSync(whole);
    }
  } finally {
    closeSync(kubelet);
  }
}

function openBelow(fd: number, name: string, { volume }: VolumePlace, path: Buffer): number {
  try {
    // Nothing on the way is followed: a pod could put a link into its own volume.
    return openat2(fd, Buffer.from(name), { flags, resolve: strictlyBeneath });
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) {
      const why = 'the kubelet does not have it on this node; it removes it once every container of the pod has ended';
      throw notReachable(path, volume, why);
    }
    if (hasErrno(error, 'ENOTDIR')) throw notReachable(path, volume, 'its subPath is a single file');
    if (hasErrno(error, 'ELOOP', 'EXDEV')) throw notReachable(path, volume, 'its subPath leads through a link');
    throw fileError(error, path);
  }
}

function withMount(rootFd: number, { kind }: VolumePlace): VolumeRoot {
  try {
    const entry = ownMount(rootFd);
    return { rootFd, mounts: entry === undefined ? [] : [{ ...entry, kind }] };
  } catch (error) {
    closeSync(rootFd);
    throw error;
  }
}
