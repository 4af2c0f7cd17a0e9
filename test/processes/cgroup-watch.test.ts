import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CgroupWatch, type FoundContainer } from '../../src/agent/processes/cgroup-watch.ts';
import { attackOn } from '../attacks/attack.ts';
import { ownRoot, podPath, removeTree, v1Hierarchies, v2Hierarchy } from './own-container.ts';

const attack = attackOn('shared');

const newId = () => randomBytes(32).toString('hex');

describe.each([
  ['v1', () => v1Hierarchies()[0] ?? ''],
  ['v2', v2Hierarchy],
])('%s', (_, hierarchy) => {
  const mountPoint = hierarchy();
  let root: string;
  let watch: CgroupWatch | undefined;
  const seen: string[] = [];
  const found: FoundContainer[] = [];
  const troubles: string[] = [];

  beforeEach(() => {
    root = ownRoot();
    mkdirSync(mountPoint + root);
  });
  afterEach(() => {
    watch?.close();
    removeTree(mountPoint + root);
    for (const list of [seen, found, troubles]) list.length = 0;
  });

  function start(
    roots = ['/kubepods', '/kubepods.slice', '/docker', '/system.slice'],
    maxWatches = 100,
    nodeCgroup = '/',
  ): void {
    watch = new CgroupWatch(
      { mountPoint, roots: roots.map((one) => root + one), nodeCgroup, maxWatches },
      {
        appeared: (container) => {
          found.push(container);
          seen.push(`+${container.containerId}`);
        },
        gone: (container) => seen.push(`-${container.containerId}`),
        trouble: (error) => troubles.push(error.message),
      },
    );
    watch.start();
  }

  const make = (path: string) => mkdirSync(mountPoint + path, { recursive: true });
  const remove = (path: string) => rmdirSync(mountPoint + path);

  async function until(condition: () => boolean): Promise<void> {
    for (const end = Date.now() + 20_000; !condition(); await sleep(2)) {
      if (Date.now() > end) throw new Error(`only seen: ${seen.join(' ')}`);
    }
  }

  test('what is there, what comes, what goes', async () => {
    const [podUid, old, fresh] = [randomUUID(), newId(), newId()];
    make(`${podPath(root, podUid)}/${old}`);
    start();
    expect(found).toEqual([{ containerId: old, podUid, cgroupPath: `${podPath(root, podUid)}/${old}` }]);
    make(`${podPath(root, podUid)}/${fresh}`);
    await until(() => seen.includes(`+${fresh}`));
    remove(`${podPath(root, podUid)}/${fresh}`);
    await until(() => seen.includes(`-${fresh}`));
    remove(`${podPath(root, podUid)}/${old}`);
    remove(podPath(root, podUid));
    await until(() => seen.includes(`-${old}`));
    expect(seen).toHaveLength(4);
    expect(troubles).toEqual([]);
  });

  test('roots and pods that appear later', async () => {
    start();
    const [podUid, a, b] = [randomUUID(), newId(), newId()];
    make(`${podPath(root, podUid)}/${a}`);
    await until(() => seen.includes(`+${a}`));
    make(`${root}/docker/${b}`);
    await until(() => seen.includes(`+${b}`));
    expect(found[0]?.podUid).toBe(podUid);
    expect(found[1]?.podUid).toBeUndefined();
  });

  test('shapes of systemd, and what is no container', async () => {
    const [podUid, a, b, c] = [randomUUID(), newId(), newId(), newId()];
    const slice = `${root}/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${podUid.replaceAll('-', '_')}.slice`;
    make(`${slice}/cri-containerd-${a}.scope`);
    make(`${slice}/crio-conmon-${c}.scope`);
    make(`${root}/system.slice/docker-${b}.scope`);
    make(`${root}/system.slice/ssh.service/pod${podUid}/${c}`);
    make(`${root}/elsewhere/${c}`);
    start();
    expect(found.map(({ containerId }) => containerId).sort()).toEqual([a, b].sort());
    expect(found.find(({ containerId }) => containerId === a)?.podUid).toBe(podUid);
  });

  attack(39, "below a container's own cgroup nothing is a container", async () => {
    const [podUid, a, forged, last] = [randomUUID(), newId(), newId(), newId()];
    start();
    const own = `${podPath(root, podUid)}/${a}`;
    make(`${own}/kubepods/pod${randomUUID()}/${forged}`);
    make(`${own}/${forged}`);
    await until(() => seen.includes(`+${a}`));
    make(`${podPath(root, podUid)}/${last}`);
    await until(() => seen.includes(`+${last}`));
    expect(seen).toEqual([`+${a}`, `+${last}`]);
  });

  test('a directory removed and made again at once is a new one', async () => {
    const [podUid, a] = [randomUUID(), newId()];
    const own = `${podPath(root, podUid)}/${a}`;
    make(own);
    start();
    for (const levels of [1, 2, 3, 4]) {
      let path = own;
      for (let level = 0; level < levels; level++, path = dirname(path)) remove(path);
      make(own);
      await until(() => seen.length >= 1 + 2 * levels);
    }
    const last = newId();
    make(`${podPath(root, podUid)}/${last}`);
    await until(() => seen.includes(`+${last}`));
    expect(seen.map((one) => one[0]).join('')).toBe('+-+-+-+-++');
  });

  test('200 containers made in a burst are all seen', async () => {
    start();
    const ids = Array.from({ length: 200 }, newId);
    for (const [index, containerId] of ids.entries()) {
      make(`${podPath(root, `00000000-0000-0000-0000-${String(index % 20).padStart(12, '0')}`)}/${containerId}`);
    }
    await until(() => seen.length === 200);
    expect(new Set(seen)).toEqual(new Set(ids.map((containerId) => `+${containerId}`)));
  });

  test('the bound on watches is told', () => {
    for (let pod = 0; pod < 5; pod++) make(podPath(root, randomUUID()));
    start(['/kubepods'], 6);
    // Four levels, two pods.
    expect(troubles).toHaveLength(3);
    expect(troubles[0]).toContain('bound of 6');
  });

  test('a node that is itself a container', () => {
    const [node, podUid, a] = [newId(), randomUUID(), newId()];
    make(`${root}/docker/${node}/kubepods/pod${podUid}/${a}`);
    start([`/docker/${node}/kubepods`], 100, `${root}/docker/${node}`);
    expect(found).toMatchObject([{ containerId: a, podUid }]);
  });
});
