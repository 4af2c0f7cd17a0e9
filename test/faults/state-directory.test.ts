import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../conformance/subject.ts';
import { SlowDisk } from './slow-disk.ts';
import { StateNode } from './state-node.ts';

let on: StateNode;
beforeEach(async () => {
  on = await StateNode.open();
});
afterEach(async () => await on?.close());

const agent = () => on.node.agent;

/** All that needs no disk: list, logs, a kill, and an end that is answered while it says that it is not kept. */
async function servesWithout(why: string): Promise<Awaited<ReturnType<StateNode['sh']>>> {
  const ended = await on.sh('echo here; exit 5');
  expect(await on.record(ended.pod)).toMatchObject({ exitKnown: true, exitCode: 5, notKept: why });
  const { containers } = await on.client(ended.pod).listContainers();
  expect(containers).toMatchObject([{ name: 'main', finalRecord: { exitCode: 5, notKept: why } }]);
  let text = '';
  for await (const { chunk } of on.client(ended.pod).streamLogs({ container: 'main' })) text += chunk?.data ?? '';
  expect(text).toBe('here\n');
  await on.sh('exec sleep 600', 'other', ended.pod);
  await eventually(async () => (await on.client(ended.pod).listContainers()).containers.length === 2);
  const { outcomes } = await on.client(ended.pod).kill({ containers: ['other'], gracePeriodMs: 0 });
  expect(outcomes).toMatchObject([{ result: 'KILL_RESULT_FORCED', finalRecord: { signal: 9, notKept: why } }]);
  await eventually(async () =>
    agent()
      .logged('final record not written')
      .some((line) => line.why === why),
  );
  expect(await agent().metric('podhand_records_unwritten')).toBeGreaterThanOrEqual(2);
  return ended;
}

async function heals({ pod }: Awaited<ReturnType<StateNode['sh']>>): Promise<void> {
  expect(await on.kept(pod)).toMatchObject({ exitCode: 5 });
  expect(await on.kept(pod, 'other')).toMatchObject({ signal: 9 });
  await eventually(async () => (await agent().metric('podhand_records_unwritten')) === 0);
  expect(await on.record(pod)).toMatchObject({ exitCode: 5, notKept: '' });
  const next = await on.sh('exit 8');
  expect(await on.record(next.pod)).toMatchObject({ exitCode: 8, notKept: '' });
  expect(await on.kept(next.pod)).toMatchObject({ exitCode: 8 });
}

describe('while the agent runs', () => {
  beforeEach(async () => await on.node.startAgent());

  test('read-only for a while', async () => {
    await on.remount('ro');
    const ended = await servesWithout('EROFS');
    await on.remount('rw');
    await heals(ended);
  });

  test('deleted: what was there is written again', async () => {
    const before = await on.sh('exit 3');
    expect(await on.record(before.pod)).toMatchObject({ exitCode: 3, notKept: '' });
    expect(await on.kept(before.pod)).toMatchObject({ exitCode: 3 });
    rmSync(join(on.state, 'records'), { recursive: true });
    expect(await on.kept(before.pod)).toMatchObject({ exitCode: 3 });
    // The agent's log is some milliseconds behind.
    const said = () => agent().logged('final records are gone from the disk');
    await expect.poll(said, { timeout: 10_000 }).toMatchObject([{ records: 1 }]);
  });

  test('a directory or a file in the way of a record: it is moved aside', async () => {
    const { pod } = await on.sh('while [ ! -e /go ]; do sleep 0.1; done; exit 4');
    mkdirSync(on.file(pod), { recursive: true });
    writeFileSync(join(on.file(pod), 'something'), 'in the way');
    await on.sh('exit 4', 'other', pod);
    expect(await on.record(pod, 'other')).toMatchObject({ exitCode: 4, notKept: '' });
    const { pod: second, container } = await on.sh('while [ ! -e /go ]; do sleep 0.1; done; exit 4');
    writeFileSync(join(on.state, 'records', second.uid), 'in the way');
    await container.exec(['touch', '/go']);
    expect(await on.record(second)).toMatchObject({ exitCode: 4, notKept: '' });
    expect(await on.kept(second)).toMatchObject({ exitCode: 4 });
    await on.client(pod).kill({ containers: ['main'], gracePeriodMs: 0 });
    expect(await on.kept(pod)).toMatchObject({ signal: 9 });
  });
});

test('a disk that does not finish: answered at once, and the same by the next agent where this one is killed', async () => {
  await on.node.startAgent();
  const disk = await SlowDisk.of(agent().pid);
  const { pod } = await on.sh('exit 7');
  let record: Awaited<ReturnType<StateNode['record']>>;
  try {
    record = await on.record(pod);
    expect(record).toMatchObject({ exitKnown: true, exitCode: 7, notKept: '' });
    expect(existsSync(on.file(pod))).toBe(false);
  } finally {
    // Who is traced is not gone before its tracer is.
    await Promise.all([agent().end('SIGKILL'), disk.end()]);
  }
  await on.node.startAgent();
  expect(await on.record(pod)).toEqual(record);
  expect(await on.kept(pod)).toMatchObject({ exitCode: 7 });
});

describe('from the start of the agent', () => {
  test('read-only: what is there is answered', async () => {
    await on.node.startAgent();
    const before = await on.sh('exit 3');
    expect(await on.record(before.pod)).toMatchObject({ exitCode: 3 });
    await agent().end('SIGKILL');
    writeFileSync(join(on.state, 'records', before.pod.uid, '.main-1.json.tmp'), 'half');
    await on.remount('ro');
    await on.node.startAgent();
    expect(await on.record(before.pod)).toMatchObject({ exitKnown: true, exitCode: 3, notKept: '' });
    const ended = await servesWithout('EROFS');
    await on.remount('rw');
    await heals(ended);
  });

  test('full', async () => {
    const makeRoom = on.fill();
    // A directory takes no block of a tmpfs; a file in it does.
    await on.node.startAgent();
    const ended = await servesWithout('ENOSPC');
    makeRoom();
    await heals(ended);
  });

  test('a file in its place', async () => {
    await on.unmount();
    rmSync(on.state, { recursive: true });
    writeFileSync(on.state, 'no directory');
    await on.node.startAgent();
    const said = () => agent().logged('the final records cannot be read: they are kept in memory');
    await expect.poll(said, { timeout: 10_000 }).toHaveLength(1);
    expect(await agent().metric('podhand_records_readable')).toBe(0);
    const ended = await servesWithout('ENOTDIR');
    rmSync(on.state);
    await heals(ended);
    expect(await agent().metric('podhand_records_readable')).toBe(1);
  });

  test('not mounted yet: what it has is read when it comes, and not written over', async () => {
    await on.node.startAgent();
    const before = await on.sh('exit 3');
    expect(await on.record(before.pod)).toMatchObject({ exitCode: 3 });
    await agent().end('SIGKILL');
    await on.bindAway();
    await on.node.startAgent();
    expect(await on.record(before.pod)).toMatchObject({ exitKnown: false });
    await on.bindBack();
    await eventually(async () => (await on.record(before.pod))?.exitKnown === true);
    expect(await on.record(before.pod)).toMatchObject({ exitCode: 3, notKept: '' });
    expect(await on.kept(before.pod)).toMatchObject({ exitCode: 3 });
  });
});
