import { release } from 'node:os';

/** Whether a kernel, by default the one that runs, is of that version or a later one. */
export function isKernelFrom(major: number, minor: number, version = release()): boolean {
  const [, first = '0', second = '0'] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}
