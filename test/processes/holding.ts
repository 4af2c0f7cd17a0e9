import { randomUUID } from 'node:crypto';
import { closeSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect } from 'vitest';
import { O_RDONLY, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from '../../src/agent/linux/constants.ts';
import { withCredentials } from '../../src/agent/linux/credentials.ts';
import { openat2 } from '../../src/agent/linux/file-calls.ts';
import { hasErrno } from '../../src/agent/linux/syscalls.ts';
import type { ContainerExit, HeldContainer } from '../../src/agent/processes/held-container.ts';
import { HeldContainers, type HeldContainersOptions } from '../../src/agent/processes/held-containers.ts';
import type { MissedContainer } from '../../src/agent/processes/take-container.ts';
import { OwnContainer, type OwnContainerOptions, ownRoot, podPath, removeTree, v2Hierarchy } from './own-container.ts';

/** Containers on one version of cgroups, and what was told of them; everything is removed after each test. */
export function useHolding(version: string, places: () => readonly string[]) {
  const hierarchies = places();
  const podUid = randomUUID();
  const made: OwnContainer[] = [];
  const appeared: HeldContainer[] = [];
  const exits = new Map<HeldContainer, ContainerExit>();
  const missed: MissedContainer[] = [];
  const troubles: Error[] = [];
  let root = '';
  let stop = new AbortController();
  let stopped: Promise<void> | undefined;

  beforeEach(() => {
    root = ownRoot();
    stop = new AbortController();
  });
  afterEach(async () => {
    try {
      for (const container of made.splice(0)) await container.remove();
    } finally {
      stop.abort();
      await stopped;
      for (const hierarchy of hierarchies) removeTree(hierarchy + root);
      for (const list of [appeared, missed]) list.length = 0;
      exits.clear();
    }
    expect(troubles.splice(0)).toEqual([]);
  });

  async function holding(options: HeldContainersOptions = {}): Promise<HeldContainers> {
    const cgroupDirectory = version === 'v2' ? v2Hierarchy() : '/sys/fs/cgroup';
    const held = new HeldContainers(
      { cgroupDirectory, roots: [`${root}/kubepods`], ...options },
      {
        appeared: (container) => appeared.push(container),
        exited: (container, exit) => {
          expect(exits.has(container)).toBe(false);
          exits.set(container, exit);
        },
        missed: (container) => missed.push(container),
        trouble: (error) => troubles.push(error),
      },
    );
    ({ stopped } = await held.start(stop.signal));
    return held;
  }

  async function create(command: string, options: Partial<OwnContainerOptions> = {}): Promise<OwnContainer> {
    const container = await OwnContainer.create({ hierarchies, parent: podPath(root, podUid), command, ...options });
    made.push(container);
    return container;
  }

  async function until<T>(look: () => T | undefined | false, what: string): Promise<T> {
    for (const end = Date.now() + 30_000; ; await sleep(2)) {
      const found = look();
      if (found !== undefined && found !== false) return found;
      if (Date.now() > end) throw new Error(`never: ${what}`);
    }
  }

  const heldOf = (held: HeldContainers, container: OwnContainer) =>
    until(() => held.get(container.containerId), 'held');
  const exitOf = (held: HeldContainer) => until(() => exits.get(held), 'exited');

  function readIn(held: HeldContainer, path: string): string {
    const { rootFd, credentials } = held;
    if (rootFd === undefined || credentials === undefined) throw new Error('its root is not held');
    try {
      const how = { flags: O_RDONLY, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
      const fd = withCredentials(credentials, () => openat2(rootFd, Buffer.from(path), how));
      try {
        return readFileSync(fd, 'utf8').trim();
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      if (hasErrno(error, 'ENOENT', 'EACCES') && error instanceof Error && 'code' in error) return String(error.code);
      throw error;
    }
  }

  async function end(): Promise<void> {
    stop.abort();
    await stopped;
    stop = new AbortController();
  }

  return {
    hierarchies,
    podUid,
    made,
    appeared,
    missed,
    holding,
    create,
    until,
    heldOf,
    exitOf,
    readIn,
    end,
    root: () => root,
  };
}
