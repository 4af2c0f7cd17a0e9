import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { HeldContainer } from '../../src/agent/processes/held-container.ts';
import { attackOn } from '../attacks/attack.ts';
import { useHolding } from './holding.ts';
import { podPath, processWithPid, removeTree, v1Hierarchies, v2Hierarchy } from './own-container.ts';

const attack = attackOn('shared');

describe.each([
  ['v1', v1Hierarchies],
  ['v2', () => [v2Hierarchy()]],
])('%s', (version, places) => {
  const { hierarchies, podUid, made, appeared, missed, holding, create, until, heldOf, exitOf, readIn, end, root } =
    useHolding(version, places);

  test('what was gone before it could be seen is told as missed', async () => {
    await holding();
    const place = `${podPath(root(), podUid)}/${'c'.repeat(64)}`;
    for (let round = 1; round <= 5; round++) {
      mkdirSync(hierarchies[0] + place, { recursive: true });
      // In the cgroup, but never in a root of its own; then gone.
      const child = spawn('sh', ['-c', 'echo $$ > "$0/cgroup.procs"', hierarchies[0] + place]);
      await once(child, 'exit');
      await sleep(5 * round);
      removeTree(hierarchies[0] + place);
      await until(() => missed.length === round, 'missed');
    }
    expect(missed[0]).toMatchObject({ containerId: 'c'.repeat(64), podUid, reason: 'NO_PROCESS_SEEN' });
    expect(appeared).toEqual([]);
  });

  test('containers that were there before are held when start resolves, nested ones of theirs are not', async () => {
    const container = await create('sleep 1000');
    const inner = `${container.cgroupPath}/init.scope`;
    for (const hierarchy of hierarchies) mkdirSync(hierarchy + inner);
    const own = hierarchies[0] ?? '';
    await until(() => container.created, 'created');
    for (const pid of container.processes()) writeFileSync(`${own}${inner}/cgroup.procs`, `${pid}`);
    expect(readFileSync(`${own}${container.cgroupPath}/cgroup.procs`, 'utf8')).toBe('');
    const held = await holding();
    const one = held.get(container.containerId);
    expect(one?.rootFd).toBeDefined();
    expect(held.all()).toHaveLength(1);
    container.start();
    held.signal(container.containerId, 9);
    if (one) expect(await exitOf(one)).toMatchObject({ waitStatus: 9 });
  });

  test('the same container again: the newest attempt counts, the earlier one is let go', async () => {
    const held = await holding();
    const containerId = 'd'.repeat(64);
    const first = await create('exit 1', { containerId });
    const one = await heldOf(held, first);
    first.start();
    await exitOf(one);
    await first.remove();
    const second = await create('exit 2', { containerId });
    const two = await until(() => appeared[1], 'second attempt');
    second.start();
    expect(await exitOf(two)).toMatchObject({ waitStatus: 2 << 8 });
    expect(held.get(containerId)).toBe(two);
    expect(one.rootFd).toBeUndefined();
    expect(one.retain()).toBeUndefined();
  });

  test('held for a time, and so many; whoever retains it keeps it open', async () => {
    const held = await holding({ maxEndedPerPod: 2, maxEnded: 3 });
    const ones: HeldContainer[] = [];
    const run = async (parent: string) => {
      const container = await create('exit 0', { parent });
      const one = await heldOf(held, container);
      await one.settled;
      ones.push(one);
      if (ones.length === 1) expect(one.retain()).toBeTypeOf('function');
      container.start();
      await exitOf(one);
    };
    const isHeld = () => ones.map((one) => (held.get(one.containerId) === one ? 1 : 0)).join('');
    const other = podPath(root(), randomUUID());
    for (let count = 0; count < 3; count++) await run(podPath(root(), podUid));
    expect(isHeld()).toBe('011');
    expect(ones[0] && readIn(ones[0], '/etc/own')).toBe('base');
    await run(other);
    await run(other);
    expect(isHeld()).toBe('00111');
    held.release(ones[4]?.containerId ?? '');
    expect(isHeld()).toBe('00110');
    expect(ones[4]?.rootFd).toBeUndefined();
  });

  test('let go after its time', async () => {
    const held = await holding({ holdAfterExitMs: 50 });
    const container = await create('exit 0');
    const one = await heldOf(held, container);
    container.start();
    await exitOf(one);
    await until(() => held.get(container.containerId) === undefined, 'let go');
    expect(one.rootFd).toBeUndefined();
  });

  test('stopping closes every descriptor', async () => {
    const descriptors = () => readdirSync('/proc/self/fd').length;
    await holding();
    await end();
    const before = descriptors();
    const held = await holding();
    const ended = await create('exit 0');
    const running = await create('sleep 1000');
    const [one] = await Promise.all([heldOf(held, ended), heldOf(held, running)]);
    ended.start();
    await exitOf(one);
    await create('sleep 1000');
    await end();
    expect(held.all()).toEqual([]);
    // The standard streams of the three are the test's own.
    expect(descriptors() - made.filter((container) => container.inputOpen).length).toBe(before);
  });

  attack(38, 'a pid that passes to another process is not touched', async () => {
    const held = await holding();
    const container = await create('exit 0');
    const one = await heldOf(held, container);
    await one.settled;
    container.start();
    await exitOf(one);
    const before = one.credentials;
    const stranger = await until(() => processWithPid(one.initPid), 'a process with the same pid');
    expect(stranger.pid).toBe(one.initPid);
    expect(held.signal(container.containerId, 9)).toBe('gone');
    one.refresh();
    expect(one.credentials).toEqual(before);
    expect(stranger.exitCode).toBeNull();
    expect(stranger.signalCode).toBeNull();
    stranger.kill('SIGKILL');
    await once(stranger, 'exit');
  });
});
