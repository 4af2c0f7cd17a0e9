import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import type { ClusterAgent } from './cluster-agent.ts';

/** What a process has of the node. */
export interface Footprint {
  /** By kind: `socket`, `pipe`, `mnt`, `anon_inode:[pidfd]`..., `path` for all that is in a file system. */
  readonly descriptors: Readonly<Record<string, number>>;
  /** Mounts that it sees below one of the directories. */
  readonly mounts: number;
  readonly memoryMiB: number;
}

/** Heaps breathe; a leak of what a call holds is larger than this after some hundred calls. */
const memorySlackMiB = 80;

/** `below`: the directories that the process could mount in; others on this machine mount elsewhere. */
export function footprint(pid: number, below: readonly string[] = []): Footprint {
  const descriptors: Record<string, number> = {};
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const kind = kindOf(join(`/proc/${pid}/fd`, fd));
    if (kind !== undefined) descriptors[kind] = (descriptors[kind] ?? 0) + 1;
  }
  const points = readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return {
    descriptors,
    mounts: points.filter((point) => below.some((directory) => point.startsWith(`${directory}/`))).length,
    memoryMiB: Number(kilobytes) / 1024,
  };
}

function kindOf(path: string): string | undefined {
  try {
    const target = readlinkSync(path);
    return target.startsWith('/') ? 'path' : target.replace(/:\[\d+\]$/, '');
  } catch {
    // Closed since it was listed.
    return undefined;
  }
}

/** The footprint once it has not changed for some seconds, of a process that nobody asks for anything. */
export async function settledFootprint(pid: number, below: readonly string[] = []): Promise<Footprint> {
  let last = footprint(pid, below);
  let same = 0;
  const isSettled = () => {
    const now = footprint(pid, below);
    same = isDeepStrictEqual({ ...now, memoryMiB: 0 }, { ...last, memoryMiB: 0 }) ? same + 1 : 0;
    last = now;
    return same >= 8;
  };
  await expect.poll(isSettled, { timeout: 60_000, interval: 500, message: 'it settles' }).toBe(true);
  return last;
}

/**
 * Once nothing goes on any more the process has no more than it had `before`: what is kept for a while on purpose
 * (idle connections, ended containers) has to be gone within a minute.
 */
export async function expectNoLeak(pid: number, before: Footprint, below: readonly string[] = []): Promise<void> {
  const more = () => {
    const now = footprint(pid, below);
    const grown = Object.entries(now.descriptors).filter(([kind, count]) => count > (before.descriptors[kind] ?? 0));
    return {
      ...Object.fromEntries(grown),
      ...(now.mounts > before.mounts && { mounts: now.mounts }),
      ...(now.memoryMiB > before.memoryMiB + memorySlackMiB && { memoryMiB: now.memoryMiB }),
    };
  };
  const message = `more than before, of ${JSON.stringify(before)}`;
  await expect.poll(more, { timeout: 60_000, interval: 500, message }).toEqual({});
}

/** The footprint of an agent without clients. */
export async function agentFootprint(agent: ClusterAgent): Promise<Footprint> {
  agent.closeClients();
  return await settledFootprint(agent.process.pid, agent.mountDirs);
}

export async function expectAgentLeaksNothing(agent: ClusterAgent, before: Footprint): Promise<void> {
  agent.closeClients();
  await expectNoLeak(agent.process.pid, before, agent.mountDirs);
}
