import { readFileSync } from 'node:fs';
import { type MountEntry, parseMountInfo } from './mountinfo.ts';
import { statx } from './statx.ts';

/** The mount of the calling thread's table that an open file is on; undefined where it is not in the table. */
export function ownMount(fd: number): MountEntry | undefined {
  const { mountId } = statx(fd);
  return parseMountInfo(readFileSync('/proc/thread-self/mountinfo', 'latin1')).find(
    (mount) => mount.mountId === mountId,
  );
}
