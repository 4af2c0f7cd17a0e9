import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupHierarchies } from '../mounts.ts';

/**
 * Makes a cgroup in every hierarchy whose root can be written to: all v1 controllers, v2, or both. Gives its
 * directories. A memory limit needs the memory controller; without one this rejects.
 */
export async function createCgroup(path: string, memoryBytes?: number): Promise<string[]> {
  const dirs: string[] = [];
  let limited = false;
  for (const hierarchy of await cgroupHierarchies()) {
    if (!(await makeBelow(hierarchy, path))) continue;
    const dir = join(hierarchy, path);
    dirs.push(dir);
    if (memoryBytes !== undefined && (await limitMemory(dir, memoryBytes))) limited = true;
  }
  if (dirs.length === 0) throw new Error('no cgroup hierarchy of this machine can be written to');
  if (memoryBytes !== undefined && !limited)
    throw new Error('this machine has no memory controller to limit memory with');
  return dirs;
}

async function makeBelow(hierarchy: string, path: string): Promise<boolean> {
  let dir = hierarchy;
  for (const name of path.split('/').filter(Boolean)) {
    await enableControllers(dir);
    const parent = dir;
    dir = join(dir, name);
    if (!(await make(dir))) return false;
    await inherit(parent, dir, 'cpuset.cpus');
    await inherit(parent, dir, 'cpuset.mems');
  }
  return true;
}

async function make(dir: string): Promise<boolean> {
  try {
    await mkdir(dir);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return true;
    if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') return false;
    throw error;
  }
}

/** v2: a child has only the controllers that its parent passes on. Those that cannot be passed on are left out. */
async function enableControllers(parent: string): Promise<void> {
  const available = await readFile(join(parent, 'cgroup.controllers'), 'utf8').catch(() => '');
  for (const controller of available.trim().split(' ').filter(Boolean)) {
    await writeFile(join(parent, 'cgroup.subtree_control'), `+${controller}`).catch(() => {});
  }
}

/** v1: no process can join a cpuset whose cpus and mems are empty, as a new one's are. */
async function inherit(parent: string, dir: string, file: string): Promise<void> {
  const [theirs, ours] = await Promise.all(
    [parent, dir].map((at) => readFile(join(at, file), 'utf8').catch(() => undefined)),
  );
  if (ours?.trim() === '' && theirs !== undefined && !(await isUnified(dir)))
    await writeFile(join(dir, file), theirs.trim());
}

async function isUnified(dir: string): Promise<boolean> {
  return await exists(join(dir, 'cgroup.controllers'));
}

async function limitMemory(dir: string, bytes: number): Promise<boolean> {
  for (const [limit, swap, swapBytes] of [
    ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes', bytes],
    ['memory.max', 'memory.swap.max', 0],
  ] as const) {
    if (!(await exists(join(dir, limit)))) continue;
    await writeFile(join(dir, limit), `${bytes}`);
    if (await exists(join(dir, swap))) await writeFile(join(dir, swap), `${swapBytes}`);
    return true;
  }
  return false;
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
