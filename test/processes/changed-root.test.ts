import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { createHeldRootSource, readableMounts } from '../../src/agent/files/held-root-source.ts';
import { mountTable } from '../../src/agent/files/mounts.ts';
import { ReaderPool } from '../../src/agent/files/reader/pool.ts';
import { nodeMounts } from '../../src/agent/linux/node.ts';
import type { HeldContainer } from '../../src/agent/processes/held-container.ts';
import { readAll, reasonOf } from '../files/container-root.ts';
import { useHolding } from './holding.ts';
import { v1Hierarchies, v2Hierarchy } from './own-container.ts';

/** A file of the node, which the containers here have by a hostPath: /usr. */
const ofTheNode = '/usr/bin/env';

describe.each([
  ['v1', v1Hierarchies],
  ['v2', () => [v2Hierarchy()]],
])('%s', (version, places) => {
  const { podUid, holding, create, until, heldOf, readIn } = useHolding(version, places);
  const pool = new ReaderPool({ perPod: 4, perNode: 8 });
  afterAll(() => pool.close());

  /** As the agent opens the files of a container. */
  async function read(held: HeldContainer, path: string): Promise<string> {
    held.refresh();
    const { rootFd, credentials, mountInfo } = held;
    if (rootFd === undefined || credentials === undefined) return 'its root is not held';
    const node = nodeMounts('/var/lib/kubelet');
    const mounts = mountTable({ rootFd, mountInfo }, node, podUid);
    const options = { pool, podUid, node, rootFd, mounts, credentials, allowedMounts: readableMounts };
    const source = createHeldRootSource({ ...options, onRelease: () => {} });
    const reading = readAll(source, path);
    const reason = await reasonOf(reading);
    source.release();
    return reason === 'resolved' ? (await reading).toString() : reason;
  }

  const rootOf = (held: HeldContainer) => {
    const lines = readFileSync(`/proc/${held.initPid}/mountinfo`, 'utf8').split('\n');
    return lines.find((line) => line.split(' ')[4] === '/')?.split(' ')[3];
  };

  test('a program that makes a mount which is refused its root opens it to nobody', async () => {
    const held = await holding();
    const container = await create('echo below > /vol/x; exec chroot /usr /bin/sleep 1000');
    const one = await heldOf(held, container);
    await one.settled;
    expect(await read(one, ofTheNode)).toBe('MOUNT_REFUSED');
    container.start();
    await until(() => rootOf(one) === '/usr', 'another root');
    expect(await read(one, ofTheNode)).toBe('MOUNT_REFUSED');
    expect(await read(one, '/etc/own')).toBe('base\n');
    expect(await read(one, '/vol/x')).toBe('below\n');
  });

  // With a pid namespace of its own, and without: then its root is what tells it from a runtime's helpers.
  test.each([false, true])('nor does one that had made it before it was seen (shares pids: %s)', async (sharesPids) => {
    const container = await create('exec chroot /usr /bin/sleep 1000', { sharesPids });
    await until(() => container.created, 'created');
    container.start();
    const named = (name: string) =>
      container.processes().find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === `${name}\n`);
    await until(() => named('sleep') !== undefined, 'another root');
    const one = await heldOf(await holding(), container);
    expect(one.initPid).toBe(named('sleep'));
    expect(rootOf(one)).toBe('/usr');
    expect(await read(one, '/bin/env')).toBe('its root is not held');
    expect(one.ended).toBe(false);
  });

  test('what is mounted over the root is not taken for the root', async () => {
    const held = await holding();
    const container = await create('ln -s ../.. /work/up; touch /work/done; exec sleep 1000');
    const one = await heldOf(held, container);
    await one.settled;
    container.start();
    await until(() => readIn(one, '/work/done') === '', 'linked');
    const within = ['--target', `${one.initPid}`, '--mount', '--root', '--wd', '--'];
    execFileSync('nsenter', [...within, 'mkdir', '/work/é']);
    execFileSync('nsenter', [...within, 'mount', '-t', 'tmpfs', 'tmpfs', '/work/é']);
    execFileSync('nsenter', [...within, 'mount', '--bind', '/usr', '/']);
    expect(await read(one, '/work/up/bin/env')).toBe('MOUNT_REFUSED');
    expect(await read(one, '/etc/own')).toBe('base\n');
    // Paths are compared with them by their bytes.
    const { mountInfo } = one;
    expect(mountInfo).toContain(` ${Buffer.from('/work/é').toString('latin1')} `);
  });
});
