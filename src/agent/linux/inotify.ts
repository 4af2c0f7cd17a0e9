import { readSync } from 'node:fs';
import { bindSyscall, hasErrno, pathMemory } from './syscalls.ts';

const raw = {
  init: bindSyscall('inotify_init1', 'number'),
  add: bindSyscall('inotify_add_watch', 'number', 'memory', 'number'),
  remove: bindSyscall('inotify_rm_watch', 'number', 'number'),
};
const path = pathMemory();
const CLOEXEC = 0o2000000;
const NONBLOCK = 0o4000;

export const IN_MODIFY = 0x2;
export const IN_CLOSE_WRITE = 0x8;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
/** The watch ends with its first event: whoever makes events can cause no more than one for each time it is set. */
export const IN_ONESHOT = 0x80000000;

/** Room for some thousand events of watches on single files and directories with short names. */
const buffer = Buffer.allocUnsafeSlow(64 * 1024);

/** A non-blocking inotify descriptor of its own: an overflow of its queue loses nobody else's events. */
export function inotifyInit(): number {
  return raw.init(CLOEXEC | NONBLOCK);
}

/**
 * Watches the file or directory that a descriptor (O_PATH will do) holds. A file that is watched already keeps its number
 * and gets the new mask. ENOSPC: the user has no watches left.
 */
export function inotifyAdd(inotify: number, fd: number, mask: number): number {
  return raw.add(inotify, path('inotify_add_watch', Buffer.from(`/proc/self/fd/${fd}`)), mask);
}

/** Nothing happens where the watch has ended by itself. */
export function inotifyRemove(inotify: number, watch: number): void {
  try {
    raw.remove(inotify, watch);
  } catch (error) {
    if (!hasErrno(error, 'EINVAL')) throw error;
  }
}

/** The watches that have had an event, as far as one read gives them; `[]` where there is none. */
export function inotifyRead(inotify: number): number[] {
  const watches: number[] = [];
  let filled: number;
  try {
    filled = readSync(inotify, buffer);
  } catch (error) {
    if (hasErrno(error, 'EAGAIN')) return watches;
    throw error;
  }
  for (let at = 0; at + 16 <= filled; at += 16 + buffer.readUInt32LE(at + 12)) watches.push(buffer.readInt32LE(at));
  return watches;
}
