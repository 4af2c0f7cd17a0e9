import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Containers out of namespaces alone, made in the order in which runc makes them: the cgroup, a process in it, its mount
 * and pid namespace, its own root, its user, a wait for the start, the command.
 */

export interface OwnContainerOptions {
  /** Where the hierarchies are: directories that get the cgroup, the first of them is watched. */
  readonly hierarchies: readonly string[];
  /** Above the container's own, for example `/x/kubepods/besteffort/pod<uid>`. */
  readonly parent: string;
  /** Name of the container's cgroup; `%` is its id. */
  readonly name?: string;
  readonly containerId?: string;
  /** Shell text, run in the container's root, where /vol is a tmpfs of its own. */
  readonly command: string;
  readonly user?: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  /** Leave it in the pid namespace of the node. */
  readonly sharesPids?: boolean;
}

const setUp = `set -e
root=/tmp
mount -t tmpfs layer $root
cd $root
mkdir usr proc vol etc dev work
ln -s usr/bin usr/lib usr/lib64 .
mount --rbind /usr usr
mount -t proc proc proc
mount -t tmpfs vol vol
mount --rbind /dev dev
echo base > etc/own
echo private > etc/root-only
chmod 600 etc/root-only
chmod 1777 work vol
exec chroot $root setpriv --reuid=$1 --regid=$2 $3 --inh-caps=-all --bounding-set=-all,+dac_override,+kill sh -c 'read _; exec 0<&-; eval "$0"' "$4"`;

export class OwnContainer {
  readonly containerId: string;
  readonly cgroupPath: string;
  readonly #hierarchies: readonly string[];
  readonly #process: ChildProcess;

  private constructor(containerId: string, cgroupPath: string, hierarchies: readonly string[], process: ChildProcess) {
    this.containerId = containerId;
    this.cgroupPath = cgroupPath;
    this.#hierarchies = hierarchies;
    this.#process = process;
  }

  /** Made and set up, its command not started. */
  static async create(options: OwnContainerOptions): Promise<OwnContainer> {
    const { hierarchies, parent, name = '%', command, sharesPids = false } = options;
    const { uid, gid, groups } = options.user ?? { uid: 0, gid: 0, groups: [] };
    const containerId = options.containerId ?? randomBytes(32).toString('hex');
    const cgroupPath = `${parent}/${name.replace('%', containerId)}`;
    const child = spawn(
      'sh',
      [
        '-c',
        'read _; exec "$@"',
        'sh',
        ...namespaces(sharesPids),
        'sh',
        '-c',
        setUp,
        'sh',
        `${uid}`,
        `${gid}`,
        groups.length > 0 ? `--groups=${groups}` : '--clear-groups',
        command,
      ],
      {
        stdio: ['pipe', 'inherit', 'inherit'],
      },
    );
    for (const hierarchy of hierarchies) {
      mkdirSync(join(hierarchy, cgroupPath), { recursive: true });
      writeFileSync(join(hierarchy, cgroupPath, 'cgroup.procs'), `${child.pid}`);
    }
    child.stdin?.write('\n');
    return new OwnContainer(containerId, cgroupPath, hierarchies, child);
  }

  /** Lets the command run. */
  start(): void {
    this.#process.stdin?.end('\n');
  }

  /** Resolves when the process that made it has reaped its first process and ended itself. */
  async ended(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'exit');
  }

  processes(): number[] {
    return this.#hierarchies.slice(0, 1).flatMap((hierarchy) => {
      const place = join(hierarchy, this.cgroupPath, 'cgroup.procs');
      return existsSync(place) ? readFileSync(place, 'utf8').split('\n').filter(Boolean).map(Number) : [];
    });
  }

  /** Kills what is left and removes the cgroup, as a runtime does after the end. */
  async remove(): Promise<void> {
    for (const pid of this.processes()) process.kill(pid, 'SIGKILL');
    await this.ended();
    while (this.processes().length > 0) await sleep(2);
    for (const hierarchy of this.#hierarchies) removeTree(join(hierarchy, this.cgroupPath));
  }
}

function namespaces(sharesPids: boolean): string[] {
  const mounts = ['unshare', '--mount', '--propagation=private'];
  return sharesPids ? mounts : [...mounts, '--pid', '--fork'];
}

/** Removes a cgroup and those below it; they have no processes. */
export function removeTree(directory: string): void {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(directory, entry.name));
  }
  rmdirSync(directory);
}

/** A place for one test's cgroups, apart from those of the machine's own containers. */
export function ownRoot(): string {
  return `/podhand-test-${process.pid}-${randomUUID().slice(0, 8)}`;
}

export function podPath(root: string, podUid: string): string {
  return `${root}/kubepods/besteffort/pod${podUid}`;
}

/** Where v1 has its hierarchies on this machine. */
export function v1Hierarchies(): string[] {
  const names = ['pids', 'memory', 'cpuacct', 'blkio'];
  const places = names.map((name) => `/sys/fs/cgroup/${name}`);
  const absent = places.filter((place) => !existsSync(join(place, 'cgroup.procs')));
  if (absent.length > 0) throw new Error(`these tests need cgroup v1 hierarchies at ${absent.join(', ')}`);
  return places;
}

export function v2Hierarchy(): string {
  const found = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((place) =>
    existsSync(join(place, 'cgroup.controllers')),
  );
  if (found === undefined)
    throw new Error('these tests need a cgroup2 mount at /sys/fs/cgroup/unified or /sys/fs/cgroup');
  return found;
}
