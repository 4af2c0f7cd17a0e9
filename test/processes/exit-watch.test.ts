import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { pidfdOpen } from '../../src/agent/linux/pidfd-calls.ts';
import { ExitWatch } from '../../src/agent/processes/exit-watch.ts';

const watches: ExitWatch[] = [];
function exitWatch(): ExitWatch {
  const watch = new ExitWatch((error) => {
    throw error;
  });
  watches.push(watch);
  return watch;
}
afterEach(async () => {
  for (const watch of watches.splice(0)) await watch.close();
});

const openDescriptors = () => readdirSync('/proc/self/fd').length;
const sleeper = (): ChildProcess => spawn('sleep', ['1000']);

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('tells an end once, and one that was before', async () => {
  const watch = exitWatch();
  const child = sleeper();
  const pidfd = pidfdOpen(child.pid ?? 0);
  let told = 0;
  const first = new Promise<void>((resolve) =>
    watch.watch(pidfd, () => {
      told += 1;
      resolve();
    }),
  );
  await kill(child);
  await first;
  await new Promise((resolve) => watch.watch(pidfd, resolve));
  expect(told).toBe(1);
  closeSync(pidfd);
});

test('a cancelled watch says nothing, even when its descriptor is another process by then', async () => {
  const watch = exitWatch();
  const [one, two] = [sleeper(), sleeper()];
  const pidfd = pidfdOpen(one.pid ?? 0);
  const cancel = watch.watch(pidfd, () => expect.unreachable('it was cancelled'));
  await kill(one);
  cancel();
  closeSync(pidfd);
  const lower: number[] = [];
  let again = pidfdOpen(two.pid ?? 0);
  for (; again < pidfd; again = pidfdOpen(two.pid ?? 0)) lower.push(again);
  expect(again).toBe(pidfd);
  for (const fd of lower) closeSync(fd);
  const ended = new Promise((resolve) => watch.watch(again, resolve));
  cancel();
  await kill(two);
  await ended;
  closeSync(again);
});

test('2,000 processes', async () => {
  const watch = exitWatch();
  const child = sleeper();
  const pidfds = Array.from({ length: 2000 }, () => pidfdOpen(child.pid ?? 0));
  const all = Promise.all(pidfds.map((pidfd) => new Promise((resolve) => watch.watch(pidfd, resolve))));
  await kill(child);
  await all;
  for (const pidfd of pidfds) closeSync(pidfd);
});

test('close ends the thread and leaves no descriptor', async () => {
  // The first worker of a process opens some that it keeps.
  await exitWatch().close();
  const before = openDescriptors();
  const watch = exitWatch();
  const child = sleeper();
  const pidfd = pidfdOpen(child.pid ?? 0);
  watch.watch(pidfd, () => expect.unreachable('it was closed before'));
  await watch.close();
  await watch.close();
  await kill(child);
  closeSync(pidfd);
  expect(openDescriptors()).toBe(before);
});

test('a process that exits without closing it does exit', async () => {
  const place = new URL('../../src/agent/processes/exit-watch.ts', import.meta.url).href;
  const script = `import(${JSON.stringify(place)}).then(({ ExitWatch }) => {
    new ExitWatch(() => undefined);
    setTimeout(() => process.exit(7), 300);
  })`;
  const child = spawn(process.execPath, ['-e', script], { stdio: 'inherit' });
  expect(await once(child, 'exit')).toEqual([7, null]);
});

test('watches a process for whose status no descriptor is left', async () => {
  const watch = exitWatch();
  const child = sleeper();
  const pidfd = pidfdOpen(child.pid ?? 0);
  const limit = (value: string) => execFileSync('prlimit', ['--pid', `${process.pid}`, `--nofile=${value}:`]);
  const before = softLimit();
  const taken: number[] = [];
  let told: Promise<unknown>;
  limit(`${openDescriptors() + 20}`);
  try {
    expect(() => {
      for (;;) taken.push(openSync('/dev/null', 'r'));
    }).toThrow(expect.objectContaining({ code: 'EMFILE' }));
    told = new Promise((resolve) => watch.watch(pidfd, resolve, child.pid));
  } finally {
    for (const fd of taken) closeSync(fd);
    limit(before);
  }
  await kill(child);
  expect(await told).toBeUndefined();
  closeSync(pidfd);
});

function softLimit(): string {
  const [, soft = ''] = /^Max open files +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return soft;
}
