import { readFileSync } from 'node:fs';
import { parseMountInfo } from '../linux/mountinfo.ts';
import { hasErrno } from '../linux/syscalls.ts';

/** One mounted cgroup hierarchy. */
export interface CgroupHierarchy {
  readonly version: 1 | 2;
  /** v1: what it is mounted with, `name=systemd` included. v2: what its root offers, which is what v1 has not taken. */
  readonly controllers: readonly string[];
  readonly mountPoint: string;
}

export interface CgroupHierarchies {
  /** Where new containers are looked for. */
  readonly watched: CgroupHierarchy;
  readonly all: readonly CgroupHierarchy[];
}

/** In which hierarchy runtimes make a directory for every container, by preference. */
const watchable = ['pids', 'memory', 'cpuacct', 'cpu', 'devices', 'freezer', 'name=systemd'];

/**
 * The hierarchies mounted at or below `directory` (`/sys/fs/cgroup`), from the text of /proc/self/mountinfo. Watched is
 * v2 where it has the controllers that runtimes limit containers with, else a v1 hierarchy. Undefined where there is none.
 */
export function detectHierarchies(mountInfo: string, directory: string): CgroupHierarchies | undefined {
  const all = parseMountInfo(mountInfo)
    .filter(({ mountPoint }) => mountPoint === directory || mountPoint.startsWith(`${directory}/`))
    .flatMap(({ fsType, mountPoint, superOptions }): CgroupHierarchy[] => {
      if (fsType === 'cgroup2') return [{ version: 2, controllers: offered(mountPoint), mountPoint }];
      return fsType === 'cgroup' ? [{ version: 1, controllers: superOptions, mountPoint }] : [];
    });
  const unified = all.find(keepsContainers);
  const v1 = watchable.flatMap(
    (name) => all.find(({ version, controllers }) => version === 1 && controllers.includes(name)) ?? [],
  );
  const watched = unified ?? v1[0] ?? all[0];
  return watched && { watched, all };
}

/** A v2 tree beside v1 hierarchies may be left with a controller that nobody uses. */
function keepsContainers({ version, controllers }: CgroupHierarchy): boolean {
  return version === 2 && (controllers.includes('memory') || controllers.includes('pids'));
}

function offered(mountPoint: string): string[] {
  try {
    return readFileSync(`${mountPoint}/cgroup.controllers`, 'utf8').split(/\s+/).filter(Boolean);
  } catch (error) {
    // Mounted over, or not visible from here.
    if (hasErrno(error, 'ENOENT', 'EACCES')) return [];
    throw error;
  }
}

/** The directories of one container's cgroup. A directory may be absent, not made yet, or removed. */
export interface CgroupPaths {
  /** Where `cgroup.procs` names the container's processes. */
  readonly processes: string;
  /** By controller; v1. */
  readonly controllers: ReadonlyMap<string, string>;
  /** v2, where it has those controllers or there is no other. */
  readonly unified?: string;
}

/** `path`: of the cgroup inside its hierarchy; runtimes give a container the same one in each. */
export function cgroupPaths(hierarchies: CgroupHierarchies, path: string): CgroupPaths {
  const unified = hierarchies.all.find(
    (one) => keepsContainers(one) || (one.version === 2 && one === hierarchies.watched),
  );
  return {
    processes: `${hierarchies.watched.mountPoint}${path}`,
    controllers: new Map(
      hierarchies.all
        .filter(({ version }) => version === 1)
        .flatMap(({ controllers, mountPoint }) => controllers.map((name) => [name, `${mountPoint}${path}`] as const)),
    ),
    ...(unified && { unified: `${unified.mountPoint}${path}` }),
  };
}
