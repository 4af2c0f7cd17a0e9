import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LogChunk } from '../../src/agent/executors/roles.ts';
import type { Container } from '../../src/agent/pods/model.ts';
import { NamespaceRuntime } from '../node/namespace-runtime.ts';
import { NamespaceContainer } from '../node/namespaces/container.ts';
import type { TestContainer, TestPod } from '../node/pods.ts';
import { PnsNode } from './pns-node.ts';

const never = new AbortController().signal;
const limits = { maxFileBytes: 1 << 20, maxTreeBytes: 1 << 20, maxEntries: 10, maxDepth: 10 };

describe('the pns executor, names from log files', () => {
  let logDir: string;
  let runtime: NamespaceRuntime;
  let node: PnsNode;
  let pod: TestPod;

  beforeAll(async () => {
    logDir = await mkdtemp(join(tmpdir(), 'podhand-pns-'));
    runtime = await NamespaceRuntime.open({ logDir });
  });
  afterAll(async () => {
    await runtime?.close();
    await rm(logDir, { recursive: true, force: true });
  });
  beforeEach(async () => {
    node = await PnsNode.byLogs(logDir).start();
    pod = await runtime.pod();
  });
  afterEach(async () => {
    await pod.remove();
    node.stop();
  });

  function sh(name: string, script: string, restartCount = 0, memoryBytes?: number): Promise<TestContainer> {
    const command = ['/bin/sh', '-c', script];
    return pod.run({ name, command, restartCount, ...(memoryBytes !== undefined && { memoryBytes }) });
  }

  function logs(container: Container, follow = false, on = node): AsyncIterable<LogChunk> {
    if (on.executor.logs === undefined) throw new Error('no logs role');
    return on.executor.logs.read(container, { follow, timestamps: false }, never);
  }

  async function textOf(chunks: AsyncIterable<LogChunk>): Promise<string> {
    const parts: Buffer[] = [];
    for await (const { data } of chunks) parts.push(data);
    return Buffer.concat(parts).toString();
  }

  async function read(container: Container, path: string, on = node): Promise<string> {
    const source = await on.executor.files?.open(container, never);
    if (source === undefined) throw new Error('no files role');
    try {
      const { chunks } = await source.readFile(Buffer.from(path), limits, never);
      const parts: Buffer[] = [];
      for await (const chunk of chunks) parts.push(chunk);
      return Buffer.concat(parts).toString();
    } finally {
      source.release();
    }
  }

  it.each([
    ['exit 0', 0, 'Completed'],
    ['exit 1', 1, 'Error'],
    ['exit 64', 64, 'Error'],
    ['exit 137', 137, 'Error'],
  ])('%s', async (script, exitCode, reason) => {
    await sh('main', `sleep 0.2; ${script}`);
    const ended = await node.ended(pod.uid, 'main');
    expect(ended).toMatchObject({ state: 'exited', reason, exit: { exitCode, oomKilled: false, source: 'pidfd' } });
    expect(ended.exit?.signal).toBeUndefined();
    expect(node.told(pod.uid, 'main').map(({ state }) => state)).toEqual(['running', 'exited']);
  });

  it('tells a death by SIGKILL from exit 137, and signals by pidfd', async () => {
    await sh('main', 'sleep 600');
    const running = await node.until(pod.uid, 'main', ({ state }) => state === 'running');
    expect(await node.executor.signal?.send(running, 9, never)).toBe('sent');
    const ended = await node.ended(pod.uid, 'main');
    expect(ended).toMatchObject({
      state: 'exited',
      reason: 'Error',
      exit: { exitCode: 137, signal: 9, oomKilled: false },
    });
    expect(await node.executor.signal?.send(ended, 9, never)).toBe('gone');
  });

  it('sees want of memory', async () => {
    await sh('main', 'x=a; while :; do x=$x$x; done', 0, 16 << 20);
    expect(await node.ended(pod.uid, 'main')).toMatchObject({
      reason: 'OOMKilled',
      exit: { exitCode: 137, signal: 9, oomKilled: true },
    });
  });

  it('does not miss containers that end at once: exit, output and files', async () => {
    for (let round = 0; round < 10; round++) {
      await sh(`quick-${round}`, `echo ${round} | tee /result; exit ${round}`);
    }
    for (let round = 0; round < 10; round++) {
      const ended = await node.ended(pod.uid, `quick-${round}`);
      expect(ended).toMatchObject({ state: 'exited', exit: { exitCode: round } });
      expect(await textOf(logs(ended))).toBe(`${round}\n`);
      expect(await read(ended, '/result')).toBe(`${round}\n`);
    }
  });

  it('tells restarts apart', async () => {
    await sh('main', 'echo first; exit 3', 0);
    await node.ended(pod.uid, 'main');
    await sh('main', 'echo second; sleep 600', 1);
    await node.until(pod.uid, 'main', ({ restartCount, state }) => restartCount === 1 && state === 'running');
    expect(node.store.container(pod.uid, 'main')).toMatchObject({ restartCount: 1, state: 'running' });
    const [first] = node.store.attempts(pod.uid);
    expect(first).toMatchObject({ restartCount: 0, state: 'exited', exit: { exitCode: 3 } });
    expect(await textOf(logs(first as Container))).toBe('first\n');
  });

  it('follows the output to the end of the container, though a grandchild holds it open', async () => {
    await sh('main', 'for i in 1 2 3; do echo $i; echo e$i >&2; sleep 0.1; done; sleep 600 & exit 5');
    const running = await node.until(pod.uid, 'main', ({ state }) => state === 'running');
    expect((await textOf(logs(running, true))).split('\n').sort()).toEqual(['', '1', '2', '3', 'e1', 'e2', 'e3']);
    expect(await node.ended(pod.uid, 'main')).toMatchObject({ exit: { exitCode: 5 } });
  });

  it('follows over rotations by the runtime', async () => {
    const script = 'i=0; while [ ! -e /stop ]; do echo line $i; i=$((i+1)); done; echo $i > /count';
    const container = await sh('main', script);
    const running = await node.until(pod.uid, 'main', ({ state }) => state === 'running');
    const reading = textOf(logs(running, true));
    if (!(container instanceof NamespaceContainer)) throw new Error('this runtime does not rotate');
    for (let round = 0; round < 4; round++) {
      await sleep(300);
      await container.rotateLog();
      // Names of rotated files have seconds.
      await sleep(800);
    }
    await container.exec(['/bin/touch', '/stop']);
    const ended = await node.ended(pod.uid, 'main');
    const count = Number(await read(ended, '/count'));
    expect(count).toBeGreaterThan(1000);
    const expected = Array.from({ length: count }, (_, line) => `line ${line}\n`).join('');
    expect((await reading) === expected).toBe(true);
    expect((await textOf(logs(ended))) === expected).toBe(true);
  });

  it('holds a container whose name comes late, and shows it with how it ended', async () => {
    // As a kubelet that is slow to make its link.
    const aside = join(logDir, 'aside');
    await rename(join(logDir, 'containers'), aside).catch(() => undefined);
    await sh('late', 'echo out > /file; sleep 0.3; exit 7');
    const made = join(logDir, 'containers');
    const hidden = join(logDir, 'hidden');
    await rename(made, hidden);
    await sleep(1_000);
    await rename(hidden, made);
    const ended = await node.ended(pod.uid, 'late');
    expect(ended).toMatchObject({ state: 'exited', exit: { exitCode: 7 } });
    expect(await read(ended, '/file')).toBe('out\n');
    await rm(aside, { recursive: true, force: true });
  });

  it('reads files of a running and of an ended container, of none that it has not seen', async () => {
    await sh('main', 'echo one > /file; while [ ! -e /stop ]; do sleep 0.05; done; echo two >> /file');
    const running = await node.until(pod.uid, 'main', ({ state }) => state === 'running');
    await vi.waitFor(async () => expect(await read(running, '/file')).toBe('one\n'), { timeout: 20_000 });
    const { writeFileSync } = await import('node:fs');
    writeFileSync(`/proc/self/fd/${node.held.get(running.id)?.rootFd}/stop`, '');
    const ended = await node.ended(pod.uid, 'main');
    expect(await read(ended, '/file')).toBe('one\ntwo\n');
    for (const [state, reason] of [
      ['exited', 'CONTAINER_NOT_SEEN'],
      ['running', 'CONTAINER_NOT_SEEN'],
      ['waiting', 'CONTAINER_NOT_STARTED'],
    ] as const) {
      const stranger: Container = { ...ended, id: 'f'.repeat(64), state };
      await expect(node.executor.files?.open(stranger, never)).rejects.toMatchObject({ reason });
    }
  });

  it('gives figures while it runs and those of its end after', async () => {
    await sh('main', 'x=$(dd if=/dev/zero bs=1M count=8 2>/dev/null | tr "\\0" x); sleep 600');
    const running = await node.until(pod.uid, 'main', ({ state }) => state === 'running');
    await vi.waitFor(
      async () => {
        const sample = await node.executor.stats?.sample(running, never);
        expect(sample?.pids.length).toBeGreaterThan(0);
        expect(sample?.usage.cpuSeconds).toBeGreaterThan(0);
        expect(sample?.usage.memoryBytes).toBeGreaterThan(0);
      },
      { timeout: 20_000 },
    );
    await node.executor.signal?.send(running, 9, never);
    const ended = await node.ended(pod.uid, 'main');
    expect(await node.executor.stats?.sample(ended, never)).toBeUndefined();
    expect(node.executor.stats?.final(ended)?.peakMemoryBytes).toBeGreaterThan(0);
  });

  it('shows neither sandboxes nor what has no name', async () => {
    const other = await runtime.pod({ sandbox: true });
    await other.run({ name: 'main', command: ['/bin/sleep', '600'] });
    await node.until(other.uid, 'main', ({ state }) => state === 'running');
    expect(node.store.containers(other.uid).map(({ name }) => name)).toEqual(['main']);
    await other.remove();
  });

  it('says plainly what it missed', async () => {
    await sh('main', 'sleep 600');
    await node.until(pod.uid, 'main', ({ state }) => state === 'running');
    const id = randomBytes(32).toString('hex');
    // A container that was there, with a process, for about a millisecond.
    const live = 'mkdir "$1" && sh -c \'echo $$ > "$1/cgroup.procs"\' sh "$1"; rmdir "$1"';
    const directory = join('/sys/fs/cgroup/pids', pod.cgroup, id);
    expect(spawnSync('/bin/sh', ['-c', live, 'sh', directory]).status).toBe(0);
    const log = join(logDir, 'pods', `${pod.namespace}_${pod.name}_${pod.uid}`, 'quick', '0.log');
    await mkdir(dirname(log));
    await writeFile(log, '2024-05-06T07:08:09.123456789Z stdout F its output\n');
    await symlink(log, join(logDir, 'containers', `${pod.name}_${pod.namespace}_quick-${id}.log`));
    const missed = await node.ended(pod.uid, 'quick');
    expect(missed).toMatchObject({
      state: 'unknown',
      reason: 'Unknown',
      exit: { source: 'node-log', oomKilled: false },
    });
    expect(missed.exit?.exitCode).toBeUndefined();
    expect(missed.exit?.unknownReason).toBe('it lived for less time than it took to be seen');
    await expect(node.executor.files?.open(missed, never)).rejects.toMatchObject({ reason: 'CONTAINER_NOT_SEEN' });
    expect(await textOf(logs(missed))).toBe('its output\n');
  });

  it('says of what had ended before it started that it cannot know, and shows what runs', async () => {
    const before = await sh('before', 'exit 3');
    await before.exited();
    await sh('running', 'sleep 600');
    await node.until(pod.uid, 'running', ({ state }) => state === 'running');
    // Its runtime would have removed the cgroup of one that ended.
    node.stop();
    const late = await PnsNode.byLogs(logDir).start();
    try {
      expect(late.store.container(pod.uid, 'running')).toMatchObject({ state: 'running' });
      const unknown = await late.ended(pod.uid, 'before');
      expect(unknown.state).toBe('unknown');
      expect(unknown.exit).toMatchObject({ oomKilled: false, source: 'node-log' });
      expect(unknown.exit?.exitCode).toBeUndefined();
      expect(unknown.exit?.unknownReason).toBe('it ended before the agent started');
      await expect(late.executor.files?.open(unknown, never)).rejects.toMatchObject({ reason: 'CONTAINER_NOT_SEEN' });
    } finally {
      late.stop();
    }
  });

  it('keeps a pod until its log directory is gone and its processes are', async () => {
    const quick = await PnsNode.byLogs(logDir, 50).start();
    const own = await runtime.pod();
    try {
      await own.run({ name: 'main', command: ['/bin/sleep', '600'] });
      const running = await quick.until(own.uid, 'main', ({ state }) => state === 'running');
      const directory = join(logDir, 'pods', `${own.namespace}_${own.name}_${own.uid}`);
      await rename(directory, `${directory}.gone`);
      await sleep(500);
      expect(quick.store.pod(own.uid)).toBeDefined();
      await quick.executor.signal?.send(running, 9, never);
      await vi.waitFor(() => expect(quick.store.pod(own.uid)).toBeUndefined(), { timeout: 20_000 });
      await rename(`${directory}.gone`, directory);
    } finally {
      quick.stop();
      await own.remove();
    }
  });
});
