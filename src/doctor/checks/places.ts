import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AgentConfig } from '../../agent/config/schema.ts';
import { hasErrno } from '../../agent/linux/syscalls.ts';
import { detectHierarchies } from '../../agent/processes/cgroup-hierarchies.ts';
import type { Check, Finding } from '../check.ts';

type Path = (config: AgentConfig) => string;

/** A directory that has to be there and be readable. */
function directory(name: string, path: Path, remedy: string): Check {
  return { name, run: (config) => access(path(config), constants.R_OK | constants.X_OK, remedy) };
}

/** A directory that is made where it is missing. */
function ownDirectory(name: string, path: Path): Check {
  return {
    name,
    run: (config) => {
      let nearest = path(config);
      while (statSync(nearest, { throwIfNoEntry: false }) === undefined) nearest = dirname(nearest);
      return access(nearest, constants.W_OK | constants.X_OK, 'mount it writable, or choose another one');
    },
  };
}

function access(path: string, mode: number, remedy: string): Finding {
  try {
    accessSync(path, mode);
    if (statSync(path).isDirectory()) return { ok: true, found: path };
    return { ok: false, found: `${path}: no directory`, remedy };
  } catch (error) {
    if (!hasErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'EROFS', 'EPERM')) throw error;
    return { ok: false, found: `${path}: ${(error as { code: string }).code}`, remedy };
  }
}

export const runDirCheck = ownDirectory('runDir', (config) => config.runDir);
export const stateDirCheck = ownDirectory('stateDir', (config) => config.stateDir);
export const kubeletCheck = directory(
  'kubelet’s pods',
  (config) => `${config.kubelet.directory}/pods`,
  'without it no emptyDir gets a socket: mount it, with mount propagation HostToContainer',
);
export const podLogsCheck = directory(
  'nodeLogs.podsDir',
  (config) => config.nodeLogs.podsDir,
  'mount the node’s, or name pods by docker (pns.podSource)',
);
export const containerLogsCheck = directory(
  'nodeLogs.containersDir',
  (config) => config.nodeLogs.containersDir,
  'mount the node’s, or name pods by docker (pns.podSource)',
);

export const cgroupCheck: Check = {
  name: 'cgroup hierarchies',
  run: ({ cgroup }) => {
    const found = detectHierarchies(readFileSync('/proc/self/mountinfo', 'latin1'), cgroup.mount);
    if (found === undefined) {
      return { ok: false, found: `none below ${cgroup.mount}`, remedy: 'mount the node’s /sys/fs/cgroup' };
    }
    return { ok: true, found: `v${found.watched.version} at ${found.watched.mountPoint}, ${found.all.length} in all` };
  },
};
