import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasErrno } from '../linux/syscalls.ts';
import type { Usage } from '../pods/model.ts';
import type { CgroupPaths } from './cgroup-hierarchies.ts';

/**
 * What a container has used, from its cgroup, cgroups below it included. A figure that this kernel, or this set of
 * controllers, does not keep is absent; so are all once the cgroup is removed. Memory includes the page cache, as the
 * kernel counts it against the limit.
 */
export function readUsage(paths: CgroupPaths): Usage {
  const usage = paths.unified === undefined ? {} : unifiedUsage(paths.unified);
  return { ...defined(v1Usage(paths.controllers)), ...defined(usage) };
}

/** The container's processes as this node numbers them, those of cgroups below left out; `[]` once it is removed. */
export function readPids(paths: CgroupPaths, limit: number): number[] {
  const text = read(paths.processes, 'cgroup.procs') ?? '';
  return text.split('\n', limit).filter(Boolean).map(Number);
}

type Figures = { -readonly [Name in keyof Usage]: number | undefined };

function v1Usage(controllers: ReadonlyMap<string, string>): Figures {
  const file = (controller: string, name: string): string | undefined => {
    const directory = controllers.get(controller);
    return directory === undefined ? undefined : read(directory, name);
  };
  const nanoseconds = figure(file('cpuacct', 'cpuacct.usage'));
  const bytes =
    file('blkio', 'blkio.throttle.io_service_bytes_recursive') ?? file('blkio', 'blkio.throttle.io_service_bytes');
  return {
    cpuSeconds: nanoseconds === undefined ? undefined : nanoseconds / 1e9,
    memoryBytes: figure(file('memory', 'memory.usage_in_bytes')),
    peakMemoryBytes: figure(file('memory', 'memory.max_usage_in_bytes')),
    oomKills: figure(file('memory', 'memory.oom_control'), /^oom_kill (\d+)$/m),
    readBytes: sum(bytes, /^\S+ Read (\d+)$/gm),
    writeBytes: sum(bytes, /^\S+ Write (\d+)$/gm),
    pids: figure(file('pids', 'pids.current')),
  };
}

function unifiedUsage(directory: string): Figures {
  const microseconds = figure(read(directory, 'cpu.stat'), /^usage_usec (\d+)$/m);
  const io = read(directory, 'io.stat');
  return {
    cpuSeconds: microseconds === undefined ? undefined : microseconds / 1e6,
    memoryBytes: figure(read(directory, 'memory.current')),
    peakMemoryBytes: figure(read(directory, 'memory.peak')),
    oomKills: figure(read(directory, 'memory.events'), /^oom_kill (\d+)$/m),
    readBytes: sum(io, / rbytes=(\d+)/g),
    writeBytes: sum(io, / wbytes=(\d+)/g),
    pids: figure(read(directory, 'pids.current')),
  };
}

function read(directory: string, name: string): string | undefined {
  try {
    return readFileSync(join(directory, name), 'latin1');
  } catch (error) {
    // ENODEV: the cgroup was removed under an open file.
    if (hasErrno(error, 'ENOENT', 'ENODEV', 'EACCES', 'EOPNOTSUPP')) return undefined;
    throw error;
  }
}

function figure(text: string | undefined, pattern = /^(\d+)$/m): number | undefined {
  const digits = pattern.exec(text ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function sum(text: string | undefined, pattern: RegExp): number | undefined {
  return text === undefined
    ? undefined
    : [...text.matchAll(pattern)].reduce((total, found) => total + Number(found[1]), 0);
}

function defined(figures: Partial<Figures>): Usage {
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined));
}
