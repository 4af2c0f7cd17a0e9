import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CAP_DAC_OVERRIDE } from '../../src/agent/linux/constants.ts';
import { parseMountInfo } from '../../src/agent/linux/mountinfo.ts';
import { useHolding } from './holding.ts';
import { v1Hierarchies, v2Hierarchy } from './own-container.ts';

describe.each([
  ['v1', v1Hierarchies],
  ['v2', () => [v2Hierarchy()]],
])('%s', (version, places) => {
  const { podUid, appeared, missed, holding, create, until, heldOf, exitOf, readIn } = useHolding(version, places);

  test.each([
    ['exit 0', 0],
    ['exit 1', 1 << 8],
    ['exit 64', 64 << 8],
    ['exit 137', 137 << 8],
  ])('%s', async (command, waitStatus) => {
    const held = await holding();
    const container = await create(command);
    const one = await heldOf(held, container);
    expect(one).toMatchObject({ containerId: container.containerId, podUid, ended: false, exit: undefined });
    container.start();
    expect(await exitOf(one)).toMatchObject({ waitStatus });
    expect(one.ended).toBe(true);
    expect(one.exit?.exitedAt.getTime()).toBeGreaterThan(one.startedAt.getTime() - 20);
  });

  test('SIGKILL, by its pidfd; then it is gone, and no other gets a signal', async () => {
    const held = await holding();
    const container = await create('sleep 1000');
    const one = await heldOf(held, container);
    container.start();
    expect(held.signal(container.containerId, 0)).toBe('sent');
    expect(held.signal(container.containerId, 9)).toBe('sent');
    expect(await exitOf(one)).toMatchObject({ waitStatus: 9 });
    expect(held.signal(container.containerId, 9)).toBe('gone');
    expect(held.signal('0'.repeat(64), 9)).toBe('unknown');
  });

  test('its files, and those of a mount below its root, after the end and the removal of its cgroup', async () => {
    const held = await holding();
    const container = await create(
      'echo changed > /etc/own; echo below > /vol/x; ln -s /etc/own /vol/link; ln -s /proc/self/root/etc/passwd /work/magic',
    );
    const one = await heldOf(held, container);
    await one.settled;
    container.start();
    await exitOf(one);
    await container.remove();
    expect(readIn(one, '/etc/own')).toBe('changed');
    expect(readIn(one, '/vol/x')).toBe('below');
    expect(readIn(one, '/vol/link')).toBe('changed');
    expect(readIn(one, '/etc/passwd')).toBe('ENOENT');
    expect(readIn(one, '/work/magic')).toBe('ENOENT');
    expect(parseMountInfo(one.mountInfo).map((mount) => mount.mountPoint)).toContain('/vol');
  });

  test('the rights of its user: groups and capabilities too', async () => {
    const held = await holding();
    const user = await create('sleep 1000', { user: { uid: 1000, gid: 1001, groups: [7, 8] } });
    const superuser = await create(
      'echo secret > /work/of-1000; chmod 600 /work/of-1000; chown 1000 /work/of-1000; touch /work/done; sleep 1000',
    );
    const [one, two] = await Promise.all([heldOf(held, user), heldOf(held, superuser)]);
    await Promise.all([one.settled, two.settled]);
    user.start();
    superuser.start();
    // The user is set after the root, as every runtime does it.
    await until(() => {
      one.refresh();
      two.refresh();
      return one.credentials?.uid === 1000 && readIn(two, '/work/done') === '';
    }, 'started');
    expect(one.credentials).toEqual({ uid: 1000, gid: 1001, groups: [7, 8], capabilities: 0n });
    expect(readIn(one, '/etc/own')).toBe('base');
    expect(readIn(one, '/etc/root-only')).toBe('EACCES');
    expect(two.credentials).toMatchObject({ uid: 0, gid: 0, groups: [] });
    expect((two.credentials?.capabilities ?? 0n) & CAP_DAC_OVERRIDE).toBe(CAP_DAC_OVERRIDE);
    expect(readIn(two, '/etc/root-only')).toBe('private');
    expect(readIn(two, '/work/of-1000')).toBe('secret');
  });

  test('30 containers whose command does nothing: each is held, with its files and its code', async () => {
    const held = await holding();
    const containers = await Promise.all(Array.from({ length: 30 }, (_, index) => create(`exit ${index}`)));
    const ones = await Promise.all(containers.map((container) => heldOf(held, container)));
    await Promise.all(ones.map((one) => one.settled));
    for (const container of containers) container.start();
    const ended = await Promise.all(ones.map(exitOf));
    expect(ended.map((exit) => exit.waitStatus)).toEqual(containers.map((_, index) => index << 8));
    expect(ones.map((one) => readIn(one, '/etc/own'))).toEqual(containers.map(() => 'base'));
    expect(missed).toEqual([]);
    expect(appeared).toHaveLength(30);
  });

  test('in a pid namespace that it shares: the first process in the container’s root', async () => {
    const held = await holding();
    const container = await create('sleep 1000 & exit 5', { sharesPids: true });
    const one = await heldOf(held, container);
    expect(one.rootFd).toBeDefined();
    container.start();
    expect(await exitOf(one)).toMatchObject({ waitStatus: 5 << 8 });
  });

  test('a user namespace of its own leaves it no capabilities', async () => {
    const held = await holding();
    const container = await create('sleep 1000', { ownUsers: true });
    const one = await heldOf(held, container);
    await one.settled;
    expect(one.credentials).toMatchObject({ uid: 0, capabilities: 0n });
    expect(readFileSync(`/proc/${one.initPid}/status`, 'utf8')).not.toMatch(/^CapEff:\t0+$/m);
  });
});
