import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasErrno } from '../../src/agent/linux/syscalls.ts';

/**
 * Containers out of namespaces alone, made in the order in which runc makes them: the cgroup, a process in it, its mount
 * and pid namespace, its own root and session, its user, a wait for the start, the command.
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
  /** A user namespace of its own, in which it is root. */
  readonly ownUsers?: boolean;
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
exec setsid chroot $root setpriv --reuid=$1 --regid=$2 $3 --inh-caps=-all --bounding-set=-all,+dac_override,+chown,+kill,+sys_chroot sh -c 'read _; exec 0<&-; eval "$0"' "$4"`;

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
    const { hierarchies, parent, name = '%', command, sharesPids = false, ownUsers = false } = options;
    const { uid, gid, groups } = options.user ?? { uid: 0, gid: 0, groups: [] };
    const containerId = options.containerId ?? randomBytes(32).toString('hex');
    const cgroupPath = `${parent}/${name.replace('%', containerId)}`;
    const child = spawn(
      'sh',
      [
        '-c',
        'read _; exec "$@"',
        'sh',
        ...namespaces(sharesPids, ownUsers),
        'sh',
        '-c',
        setUp,
        'sh',
        `${uid}`,
        `${gid}`,
        groupsOption(groups, ownUsers),
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

  /** Whether the pipe that starts it is still open on our side. */
  get inputOpen(): boolean {
    return this.#process.stdin?.destroyed === false;
  }

  /** Of cgroups below its own too. */
  processes(): number[] {
    return this.#hierarchies.slice(0, 1).flatMap((hierarchy) => processesBelow(join(hierarchy, this.cgroupPath)));
  }

  /** Everything is set up, and its first process waits for the start. */
  get created(): boolean {
    return this.processes().some((pid) => commandLine(pid).startsWith('sh\0-c\0read _; exec 0'));
  }

  /** Kills what is left and removes the cgroup, as a runtime does after the end. */
  async remove(): Promise<void> {
    this.#process.stdin?.destroy();
    while (this.processes().length > 0) {
      for (const pid of this.processes()) kill(pid);
      await sleep(2);
    }
    await this.ended();
    for (const hierarchy of this.#hierarchies) removeTree(join(hierarchy, this.cgroupPath));
  }
}

/** In a user namespace that maps one group alone the kernel refuses setgroups. */
function groupsOption(groups: readonly number[], ownUsers: boolean): string {
  if (ownUsers) return '--keep-groups';
  return groups.length > 0 ? `--groups=${groups}` : '--clear-groups';
}

function namespaces(sharesPids: boolean, ownUsers: boolean): string[] {
  const mounts = ['unshare', '--mount', '--propagation=private', ...(ownUsers ? ['--map-root-user'] : [])];
  return sharesPids ? mounts : [...mounts, '--pid', '--fork'];
}

function processesBelow(directory: string): number[] {
  if (!existsSync(directory)) return [];
  const own = readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  const below = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...own, ...below.flatMap((entry) => processesBelow(join(directory, entry.name)))];
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch (error) {
    // Ended since it was listed.
    if (!hasErrno(error, 'ENOENT', 'ESRCH')) throw error;
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // Ended since it was listed.
    if (!hasErrno(error, 'ESRCH')) throw error;
  }
}

/** Removes a cgroup and those below it; their processes have ended, or are about to. */
export function removeTree(directory: string): void {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(directory, entry.name));
  }
  // A process that was killed, and is nobody's child here, leaves its cgroup some time later.
  for (let tries = 0; ; tries += 1) {
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      if (!hasErrno(error, 'EBUSY') || tries === 1000) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
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

/** A new process with just this pid, if the kernel gives it. */
export function processWithPid(pid: number): ChildProcess | undefined {
  writeFileSync('/proc/sys/kernel/ns_last_pid', `${pid - 1}`);
  const child = spawn('sleep', ['1000']);
  if (child.pid === pid) return child;
  child.kill('SIGKILL');
  return undefined;
}
