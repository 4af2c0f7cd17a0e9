import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasErrno } from '../linux/syscalls.ts';
import { hasOwnRoot, type NodeRoot, readStartTime, readStatus } from './process-facts.ts';

const maxProcesses = 4096;
const maxNestedCgroups = 256;

/**
 * The first process of the container whose cgroup directory this is: the one that is 1 in a pid namespace of its own;
 * where the pod's containers share one, the oldest leader of a session that is in its own root already. A runtime's
 * helpers, which pass through the cgroup before the container is made, are neither. `none`: not there yet. `removed`:
 * the directory is gone.
 */
export function findInit(directory: string, node: NodeRoot): number | 'none' | 'removed' {
  const pids = readProcesses(directory);
  if (pids === undefined) return 'removed';
  return choose(pids, node) ?? choose(nestedProcesses(directory), node) ?? 'none';
}

function choose(pids: readonly number[], node: NodeRoot): number | undefined {
  const inner: { readonly pid: number; readonly depth: number }[] = [];
  const leaders: number[] = [];
  for (const pid of pids) {
    const { namespacePids = [], sessionId } = readStatus(pid) ?? {};
    if (namespacePids.length > 1 && namespacePids.at(-1) === 1) inner.push({ pid, depth: namespacePids.length });
    // Runtimes make the container's process one. Its root alone says too little: pivot_root(2) moves every process that
    // is in the same namespace and in the same root, that helper of runc's too which has just made it.
    else if (sessionId === pid) leaders.push(pid);
  }
  // The outermost: the others are inits of containers that run inside this one.
  const first = inner.sort((a, b) => a.depth - b.depth)[0];
  if (first) return first.pid;
  return leaders
    .filter((pid) => hasOwnRoot(pid, node))
    .map((pid) => ({ pid, start: readStartTime(pid) ?? Number.POSITIVE_INFINITY }))
    .sort((a, b) => a.start - b.start || a.pid - b.pid)[0]?.pid;
}

function readProcesses(directory: string): number[] | undefined {
  try {
    const lines = readFileSync(join(directory, 'cgroup.procs'), 'latin1').split('\n', maxProcesses);
    // 0: a process that this pid namespace does not show.
    return lines.map(Number).filter((pid) => pid > 0);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENODEV')) return undefined;
    // A threaded v2 cgroup has its processes named at its parent.
    if (hasErrno(error, 'EOPNOTSUPP')) return [];
    throw error;
  }
}

/** An init that is systemd moves itself into a cgroup below its own. Breadth first: the outermost comes first. */
function nestedProcesses(directory: string): number[] {
  const pids: number[] = [];
  const queue = [directory];
  for (let seen = 0; seen < queue.length && seen < maxNestedCgroups && pids.length < maxProcesses; seen++) {
    const below = subdirectories(queue[seen] ?? '');
    queue.push(...below.slice(0, maxNestedCgroups - queue.length));
    pids.push(...below.flatMap((path) => readProcesses(path) ?? []));
  }
  return pids.slice(0, maxProcesses);
}

function subdirectories(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(directory, entry.name));
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENODEV')) return [];
    throw error;
  }
}
