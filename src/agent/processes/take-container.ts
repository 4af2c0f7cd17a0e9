import { closeSync } from 'node:fs';
import { parseCgroup } from '../linux/cgroup-path.ts';
import { pidfdExited, pidfdOpen } from '../linux/pidfd-calls.ts';
import { hasErrno } from '../linux/syscalls.ts';
import { type CgroupHierarchies, cgroupPaths } from './cgroup-hierarchies.ts';
import type { FoundContainer } from './cgroup-watch.ts';
import { findInit } from './container-init.ts';
import { HeldContainer } from './held-container.ts';
import { pauses } from './pauses.ts';
import { type NodeRoot, readCgroup, readStartTime, startedAt } from './process-facts.ts';

/** The node that containers are taken on. */
export interface Node {
  readonly hierarchies: CgroupHierarchies;
  readonly root: NodeRoot;
  /** See `parseCgroup`. */
  readonly cgroup: string;
}

/**
 * Why nothing is known of a container but that it was there. NO_PROCESS_SEEN: its cgroup was removed before a first
 * process could be taken. NO_CONTAINER_SEEN: for the whole time that we looked, none of the cgroup's processes was in
 * namespaces of its own.
 */
export type MissedReason = 'NO_PROCESS_SEEN' | 'NO_CONTAINER_SEEN';

export interface MissedContainer extends FoundContainer {
  readonly reason: MissedReason;
  readonly missedAt: Date;
}

const lookForInit = { firstMs: 1, mostMs: 20, totalMs: 60_000 };

/**
 * Takes a container by its first process, as soon as that can be told from the runtime's helpers: before the user's
 * first instruction, with a runtime that makes the cgroup first and lets the process wait. Undefined: `signal` aborted.
 */
export async function takeContainer(
  found: FoundContainer,
  node: Node,
  signal: AbortSignal,
): Promise<HeldContainer | MissedContainer | undefined> {
  const paths = cgroupPaths(node.hierarchies, found.cgroupPath);
  for await (const _ of pauses(lookForInit, signal)) {
    const pid = findInit(paths.processes, node.root);
    if (pid === 'removed') return { ...found, reason: 'NO_PROCESS_SEEN', missedAt: new Date() };
    if (pid === 'none') continue;
    const process = openProcess(pid, found, node);
    if (process) return new HeldContainer(found, process, paths, node.root);
  }
  return signal.aborted ? undefined : { ...found, reason: 'NO_CONTAINER_SEEN', missedAt: new Date() };
}

/** A pidfd of that process, if it (and not one that has got its pid since) belongs to the container. */
function openProcess(
  pid: number,
  found: FoundContainer,
  node: Node,
): { pid: number; pidfd: number; startedAt: Date } | undefined {
  const pidfd = openPidfd(pid);
  if (pidfd === undefined) return undefined;
  const identity = parseCgroup(readCgroup(pid) ?? '', node.cgroup);
  const startTime = readStartTime(pid);
  // Asked last: as long as it is alive its pid is its own, so what was read above is of this process.
  if (startTime !== undefined && identity.containerId === found.containerId && !pidfdExited(pidfd)) {
    return { pid, pidfd, startedAt: startedAt(startTime) };
  }
  closeSync(pidfd);
  return undefined;
}

function openPidfd(pid: number): number | undefined {
  try {
    return pidfdOpen(pid);
  } catch (error) {
    if (hasErrno(error, 'ESRCH')) return undefined;
    throw error;
  }
}
