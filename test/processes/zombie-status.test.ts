import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { isKernelFrom } from '../../src/agent/linux/kernel-version.ts';
import { pidfdOpen } from '../../src/agent/linux/pidfd-calls.ts';
import { parseZombieStatus } from '../../src/agent/linux/proc-status.ts';
import { ExitWatch } from '../../src/agent/processes/exit-watch.ts';
import { readStatus } from '../../src/agent/processes/process-facts.ts';
import { eventually } from '../conformance/subject.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const closer of closers.splice(0).reverse()) await closer();
});

/** A process that goes on once its input has ended, and that its parent reaps once `reap` is called. */
async function started(command: string): Promise<{ pid: number; go(): void; reap(): Promise<void> }> {
  const script = `exec 3<&0; { exec <&3 3<&-; read line; ${command}; } & echo $!; exec 3<&-; kill -STOP $$; wait`;
  const parent: ChildProcess = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  closers.push(() => parent.kill('SIGKILL'));
  const [line] = await once(parent.stdout ?? parent, 'data');
  // Before it has stopped it would reap.
  await eventually(async () => readStatus(parent.pid ?? 0)?.state === 'T');
  return {
    pid: Number(line),
    go: () => void parent.stdin?.end('\n'),
    reap: async () => {
      const ended = once(parent, 'exit');
      parent.kill('SIGCONT');
      await ended;
    },
  };
}

function watched(pid: number): { readonly pidfd: number; readonly told: Promise<number | undefined> } {
  const watch = new ExitWatch((error) => expect.unreachable(error.message));
  const pidfd = pidfdOpen(pid);
  closers.push(
    () => closeSync(pidfd),
    () => watch.close(),
  );
  return { pidfd, told: new Promise((resolve) => watch.watch(pidfd, resolve, pid)) };
}

const stat = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'latin1');
/** Its first thread ends before another one ends the process. */
const secondThread = `exec python3 -c "
import ctypes, os, threading, time
threading.Thread(target=lambda: (time.sleep(0.2), os._exit(5))).start()
ctypes.CDLL(None).pthread_exit(None)"`;

test.each([
  ['exit 0', 0],
  ['exit 7', 7 << 8],
  ['exec sh -c "kill -KILL \\$\\$"', 9],
  [secondThread, 5 << 8],
])('how a process has ended is told before it is reaped: %s', async (command, status) => {
  const { pid, go } = await started(command);
  const { told } = watched(pid);
  go();
  expect(await told).toBe(status);
});

test('of one that has ended before it is watched, too', async () => {
  const { pid, go } = await started('exit 7');
  go();
  await eventually(async () => parseZombieStatus(stat(pid)) === 7 << 8);
  expect(await watched(pid).told).toBe(7 << 8);
});

test('of one that was reaped nothing is told, though its end is', async () => {
  const { pid, go, reap } = await started('exit 7');
  const pidfd = pidfdOpen(pid);
  closers.push(() => closeSync(pidfd));
  go();
  await reap();
  const watch = new ExitWatch((error) => expect.unreachable(error.message));
  closers.push(() => watch.close());
  expect(await new Promise((resolve) => watch.watch(pidfd, resolve, pid))).toBeUndefined();
});

test('a process that runs has no wait status', async () => {
  const { pid } = await started('exit 3');
  expect(parseZombieStatus(stat(pid))).toBeUndefined();
});

test('who may not trace the process is told 0 by the kernel, which passes for no status', async () => {
  const { pid, go } = await started('exit 7');
  go();
  await eventually(async () => parseZombieStatus(stat(pid)) === 7 << 8);
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all'];
  const text = execFileSync('setpriv', [...nobody, 'cat', `/proc/${pid}/stat`]).toString();
  expect(text).toMatch(/ 0\n$/);
  expect(parseZombieStatus(text)).toBeUndefined();
});

test('nothing is taken from a text that was cut short', async () => {
  const { pid, go } = await started('exit 7');
  go();
  await eventually(async () => parseZombieStatus(stat(pid)) === 7 << 8);
  const text = stat(pid);
  for (let length = 0; length < text.length; length++) expect(parseZombieStatus(text.slice(0, length))).toBeUndefined();
});

test.each([
  ['5.16.20', false],
  ['5.17.0-rc1', true],
  ['6.1.0-28-amd64', true],
  ['4.18.0', false],
  ['none', false],
])('%s is from 5.17 on: %s', (version, expected) => {
  expect(isKernelFrom(5, 17, version)).toBe(expected);
});
