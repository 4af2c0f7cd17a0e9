import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { becomes, isAlive, signalPid } from './processes.ts';

/** Ends its first thread, not the others; by the system call, since exit() is the whole process's. */
const withoutFirstThread = `
  const { load } = await import('koffi');
  const syscall = load(null).func('long syscall(long number, long status)');
  process.stdout.write('last words', () => syscall(process.arch === 'arm64' ? 93 : 60, 0));`;

test('a process is alive until the last of its threads has ended, whatever has become of the first', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', withoutFirstThread]);
  const pid = child.pid ?? 0;
  try {
    await once(child.stdout, 'data');
    await becomes(async () => (await stateOf(pid)) === 'Z', 20_000);
    expect([await stateOf(pid), await isAlive(pid)]).toEqual(['Z', true]);
    const ended = once(child, 'exit');
    expect(signalPid(pid, 'SIGKILL')).toBe(true);
    await ended;
    expect(await isAlive(pid)).toBe(false);
  } finally {
    child.kill('SIGKILL');
  }
});

test('a zombie that nobody reaps is not alive', async () => {
  const parent = spawn('sh', ['-c', 'sleep 0.5 & echo $!; exec sleep 60']);
  try {
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(await becomes(async () => (await stateOf(pid)) === 'Z', 20_000)).toBe(true);
    expect(await isAlive(pid)).toBe(false);
  } finally {
    parent.kill('SIGKILL');
  }
});

async function stateOf(pid: number): Promise<string | undefined> {
  return (await readFile(`/proc/${pid}/status`, 'utf8')).match(/^State:\t(\w)/m)?.[1];
}
