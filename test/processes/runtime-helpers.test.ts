import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { findInit } from '../../src/agent/processes/container-init.ts';
import { hasOwnRoot, openOwnRoot, readNodeRoot } from '../../src/agent/processes/process-facts.ts';
import { eventually } from '../conformance/subject.ts';

const pivot = `set -e
mount -t tmpfs root "$0"; cd "$0"; mkdir usr proc dev old; touch dev/null; ln -s usr/bin usr/lib usr/lib64 .
mount --rbind /usr usr; mount -t proc proc proc
pivot_root . old`;

/** `sleep` is there once it has its namespace. */
const commandOf = (pid: number) => readFileSync(`/proc/${pid}/comm`, 'latin1').trim();

/** Nothing else ends a loop without a pause. */
const withinMs = 60_000;

// As runc's are, between its first process and the container's: with a mount namespace of their own, in the node's root.
test.each([
  ['that ends', '(:)', 2_000],
  ['of an engine with its own mounts that gets its namespaces', 'unshare --mount --uts --ipc --net true', 500],
])('a helper %s, while it is looked at, is not taken for a process in its own root', async (_, helper, wanted) => {
  const node = readNodeRoot();
  const shell = spawn('unshare', ['--mount', 'sh', '-c', `while :; do ${helper}; done`], { stdio: 'inherit' });
  await once(shell, 'spawn');
  const seen = new Set<string>();
  const taken = new Set<string>();
  try {
    const children = () => readFileSync(`/proc/${shell.pid}/task/${shell.pid}/children`, 'latin1').split(' ');
    // Without a pause: what is looked for lasts for microseconds.
    for (const until = Date.now() + withinMs; seen.size < wanted && Date.now() < until; ) {
      for (const pid of children().filter((name) => name !== '')) {
        seen.add(pid);
        if (hasOwnRoot(Number(pid), node)) taken.add(pid);
      }
    }
  } finally {
    shell.kill('SIGKILL');
    await once(shell, 'close');
  }
  expect(seen.size).toBeGreaterThanOrEqual(wanted);
  expect([...taken]).toEqual([]);
});

// Its second process, where the third is quicker than its end.
test('a helper that a pivot_root of the container’s process has moved is not taken for that', async () => {
  const node = readNodeRoot();
  const directory = mkdtempSync(join(tmpdir(), 'podhand-helpers-'));
  const script = `unshare --mount sleep 100 & helper=$!; echo $helper; read _
nsenter --mount --target $helper sh -c "$1" "$0"; echo moved; read _
setsid nsenter --mount --target $helper sleep 100 & echo $!
read _; kill $helper $!`;
  const runtime = spawn('sh', ['-c', script, directory, pivot], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(runtime.stdout)[Symbol.asyncIterator]();
  const line = async () => String((await lines.next()).value);
  const cgroup = mkdtempSync(join(tmpdir(), 'podhand-cgroup-'));
  try {
    const helper = Number(await line());
    await eventually(async () => commandOf(helper) === 'sleep');
    runtime.stdin.write('\n');
    expect(await line()).toBe('moved');
    expect(hasOwnRoot(helper, node)).toBe(true);
    writeFileSync(join(cgroup, 'cgroup.procs'), `${runtime.pid}\n${helper}\n`);
    expect(findInit(cgroup, node)).toBe('none');
    runtime.stdin.write('\n');
    const container = Number(await line());
    writeFileSync(join(cgroup, 'cgroup.procs'), `${runtime.pid}\n${helper}\n${container}\n`);
    await eventually(async () => findInit(cgroup, node) === container);
  } finally {
    runtime.stdin.end('\n');
    await once(runtime, 'close');
    for (const made of [directory, cgroup]) rmSync(made, { recursive: true, force: true });
  }
});

// As where the engine is a container itself, of the node's own system.
test('the root of a runtime, where that is not the node’s, is not taken for that of its container', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'podhand-helpers-'));
  const script = `(eval "$1"); cd /
unshare --mount sleep 100 & echo $!
read _; kill $!`;
  const runtime = spawn('unshare', ['--mount', 'sh', '-c', script, directory, pivot], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(runtime.stdout)[Symbol.asyncIterator]();
  try {
    const helper = Number((await lines.next()).value);
    await eventually(async () => commandOf(helper) === 'sleep');
    expect(openOwnRoot(helper, readNodeRoot())).toBeUndefined();
  } finally {
    runtime.stdin.end('\n');
    await once(runtime, 'close');
    rmSync(directory, { recursive: true, force: true });
  }
});
