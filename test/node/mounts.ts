import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { becomes, run, signalPid } from './processes.ts';

/** Mount points of this mount namespace at or below a directory, innermost first. */
export async function mountsBelow(dir: string): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  const points = table
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .map((point) =>
      point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    );
  return points.filter((point) => point === dir || point.startsWith(`${dir}/`)).reverse();
}

/** Detaches everything that is mounted at or below a directory. Somebody else may be doing the same. */
export async function unmountBelow(dir: string): Promise<void> {
  const gone = await becomes(async () => {
    const points = await mountsBelow(dir);
    for (const point of points) await run(['umount', '--lazy', '--no-canonicalize', point]);
    return points.length === 0;
  }, 10_000);
  if (!gone) throw new Error(`${(await mountsBelow(dir)).join(', ')} cannot be unmounted`);
}

/** Roots of the cgroup hierarchies of this machine: one per v1 controller, one for v2. */
export async function cgroupHierarchies(): Promise<string[]> {
  const table = await readFile('/proc/self/mounts', 'utf8');
  const lines = table.split('\n').map((line) => line.split(' '));
  return lines.filter((fields) => fields[2] === 'cgroup' || fields[2] === 'cgroup2').map((fields) => fields[1] ?? '');
}

/** Every directory of that cgroup path, over all hierarchies, that exists. */
export async function cgroupDirs(path: string): Promise<string[]> {
  const found: string[] = [];
  for (const hierarchy of await cgroupHierarchies()) {
    const dir = join(hierarchy, path);
    if ((await readdir(dir).catch(() => undefined)) !== undefined) found.push(dir);
  }
  return found;
}

/** Kills whatever is left in a cgroup and below it, and removes it from all hierarchies. Nothing to do is fine. */
export async function removeCgroup(path: string): Promise<void> {
  for (const dir of await cgroupDirs(path)) await removeCgroupTree(dir);
}

/** Removes a cgroup directory that has neither processes nor children; leaves any other. */
export async function pruneCgroup(path: string): Promise<void> {
  for (const dir of await cgroupDirs(path)) await rmdir(dir).catch(() => {});
}

async function removeCgroupTree(dir: string): Promise<void> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeCgroupTree(join(dir, entry.name));
  const gone = await becomes(async () => {
    const pids = await readFile(join(dir, 'cgroup.procs'), 'utf8').catch(() => '');
    for (const pid of pids.split('\n').filter(Boolean)) signalPid(Number(pid), 'SIGKILL');
    return await rmdir(dir).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
    );
  }, 10_000);
  if (!gone) throw new Error(`cgroup ${dir} stays busy`);
}
