import { mkdir, readdir, readFile, readlink, rename, rm, rmdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runDir } from './cache.ts';
import { pruneCgroup, removeCgroup, unmountBelow } from './mounts.ts';
import { must } from './processes.ts';

/** All that a pod of the tests puts on the node; enough to remove it without knowing which runtime made it. */
export interface PodTraces {
  readonly uid: string;
  readonly cgroup: string;
  /** Removed with what is in them; mounts below them are detached first. */
  readonly dirs: readonly string[];
  /** Symlinks of this directory that lead into one of `dirs` go too. */
  readonly linksDir?: string;
}

interface Marker extends PodTraces {
  readonly owner: { readonly pid: number; readonly startTime: string };
}

const markers = join(runDir, 'pods');

/** Notes down what a pod will leave, before it leaves anything. It belongs to this process. */
export async function recordPod(traces: PodTraces): Promise<void> {
  await mkdir(markers, { recursive: true });
  const owner = { pid: process.pid, startTime: await startTimeOf(process.pid) };
  const unfinished = join(runDir, `.${traces.uid}`);
  await writeFile(unfinished, JSON.stringify({ ...traces, owner } satisfies Marker));
  await rename(unfinished, join(markers, traces.uid));
}

/** Kills what is left of a pod, detaches its mounts, removes its cgroups and files, and its note. */
export async function removePod(traces: PodTraces): Promise<void> {
  await removeCgroup(traces.cgroup);
  for (const dir of traces.dirs) await unmountBelow(dir);
  // Not fs.rm: it loses names that are no UTF-8.
  await must(['rm', '-rf', '--one-file-system', '--', ...traces.dirs]);
  if (traces.linksDir !== undefined) await removeLinks(traces.linksDir, traces.dirs);
  await rm(join(markers, traces.uid), { force: true });
  // A runtime that is making the cgroup of another pod would find its parent gone.
  if ((await knownPods()).length > 0) return;
  for (const path of ['/kubepods/besteffort', '/kubepods']) await pruneCgroup(path);
}

/** Removes directories of ours that have nothing in them, the run directory itself included; not while pods are there. */
export async function removeEmptyDirs(): Promise<void> {
  if ((await knownPods()).length === 0) await pruneDir(runDir);
}

async function pruneDir(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await pruneDir(join(dir, entry.name));
  }
  // Not empty, or gone already.
  await rmdir(dir).catch(() => {});
}

/** A pod that is noted down, and whether the process that it belongs to is still there. */
export type KnownPod = PodTraces & { readonly owner: number; readonly alive: boolean };

export async function knownPods(): Promise<KnownPod[]> {
  const known: KnownPod[] = [];
  for (const name of await readdir(markers).catch(() => [])) {
    const text = await readFile(join(markers, name), 'utf8').catch(() => '');
    if (text === '') continue;
    const { owner, ...traces } = JSON.parse(text) as Marker;
    known.push({ ...traces, owner: owner.pid, alive: (await startTimeOf(owner.pid)) === owner.startTime });
  }
  return known;
}

/**
 * Removes pods whose process is gone, whichever runtime made them (containers of an engine excepted: `sweepEngine`).
 * With `all` those of living processes too: their tests fail then. Gives the uids.
 */
export async function sweepPods(options: { all?: boolean } = {}): Promise<string[]> {
  const doomed = (await knownPods()).filter(({ alive }) => !alive || options.all);
  for (const pod of doomed) await removePod(pod);
  return doomed.map(({ uid }) => uid);
}

async function removeLinks(linksDir: string, dirs: readonly string[]): Promise<void> {
  for (const name of await readdir(linksDir).catch(() => [])) {
    const link = join(linksDir, name);
    const target = await readlink(link).catch(() => '');
    if (dirs.some((dir) => target.startsWith(`${dir}/`))) await unlink(link).catch(() => {});
  }
}

/** Field 22 of /proc/pid/stat: tells a process from a later one with the same pid. */
async function startTimeOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? 'ended' : (fields[18] ?? 'gone');
}
