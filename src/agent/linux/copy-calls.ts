import { SEEK_DATA, SEEK_HOLE } from './constants.ts';
import { bindSyscall, hasErrno } from './syscalls.ts';

/** System calls that move or describe a file's contents inside the kernel. Offsets and lengths in bytes, below 2^53. */

const raw = {
  copyFileRange: bindSyscall('copy_file_range', 'number', 'memory', 'number', 'memory', 'number', 'number'),
  sendfile: bindSyscall('sendfile', 'number', 'number', 'memory', 'number'),
  ficlone: bindSyscall('ioctl', 'number', 'number', 'number'),
  lseek: bindSyscall('lseek', 'number', 'number', 'number'),
  fallocate: bindSyscall('fallocate', 'number', 'number', 'number', 'number'),
};
const FICLONE = 0x40049409;
const fromOffset = new BigUint64Array(1);
const toOffset = new BigUint64Array(1);

/**
 * Copies up to `length` bytes between the offsets; answers how many, 0 at the source's end. The descriptors' own
 * positions stay. EXDEV, EINVAL or EOPNOTSUPP: not between these two file systems.
 */
export function copyFileRange(from: number, fromAt: number, to: number, toAt: number, length: number): number {
  fromOffset[0] = BigInt(fromAt);
  toOffset[0] = BigInt(toAt);
  return raw.copyFileRange(from, fromOffset, to, toOffset, length, 0);
}

/** Copies up to `length` bytes from `fromAt` to the present position of `to`; answers how many, 0 at the source's end. */
export function sendfile(to: number, from: number, fromAt: number, length: number): number {
  fromOffset[0] = BigInt(fromAt);
  return raw.sendfile(to, from, fromOffset, length);
}

/** Makes the empty file `to` share all blocks of `from`. EOPNOTSUPP, EXDEV or EINVAL: not on this file system. */
export function ficlone(to: number, from: number): void {
  raw.ficlone(to, FICLONE, from);
}

/** Sets the descriptor's position; answers it. */
export function lseek(fd: number, offset: number, whence: number): number {
  return raw.lseek(fd, offset, whence);
}

/** Where the next data begins at or after `offset`; -1 where there is none up to the end. Moves the position. */
export function seekData(fd: number, offset: number): number {
  return seekOrEnd(fd, offset, SEEK_DATA);
}

/** Where the next hole (or the file's end) begins at or after `offset`; -1 past the end. Moves the position. */
export function seekHole(fd: number, offset: number): number {
  return seekOrEnd(fd, offset, SEEK_HOLE);
}

function seekOrEnd(fd: number, offset: number, whence: number): number {
  try {
    return raw.lseek(fd, offset, whence);
  } catch (error) {
    if (hasErrno(error, 'ENXIO')) return -1;
    throw error;
  }
}

/** `mode`: 0 or FALLOC_FL_*. */
export function fallocate(fd: number, mode: number, offset: number, length: number): void {
  raw.fallocate(fd, mode, offset, length);
}
