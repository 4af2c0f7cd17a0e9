import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { isAlive, run } from '../node/processes.ts';
import { builtEmissary, RunningEmissary } from './running.ts';
import { SharedVolume } from './shared-volume.ts';

beforeAll(builtEmissary);

/** The processes whose parent is this one, zombies included: pid and state. */
function childrenOf(parent: number): { pid: number; state: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [state = '', ppid] = readFileSync(`/proc/${name}/stat`, 'latin1').replace(/.*\) /s, '').split(' ');
        return Number(ppid) === parent ? [{ pid: Number(name), state }] : [];
      } catch {
        return []; // It has ended meanwhile.
      }
    });
}

describe('a signal to the emissary', () => {
  const passed = [1, 2, 3, 10, 12, 14, 15, 18, 23, 28, 34, 50, 64];

  it.each(passed)('%i reaches the command', async (signal) => {
    const script = `trap 'echo got; exit 9' ${signal}; echo ready; while :; do sleep 0.05; done`;
    await using emissary = await RunningEmissary.script(script);
    await emissary.says('ready');
    emissary.signal(signal);
    expect(await emissary.exited()).toBe(9);
    expect(emissary.stdout).toBe('ready\ngot\n');
  });

  it('reaches the whole group of the command', async () => {
    const script = `sh -c 'trap "echo inner; exit" USR1; echo ready; while :; do sleep 0.05; done' & trap : USR1; wait; wait; exit 0`;
    await using emissary = await RunningEmissary.script(script);
    await emissary.says('ready');
    emissary.signal(10);
    await emissary.says('inner');
    expect(await emissary.exited()).toBe(0);
  });

  it('does not end it: a command that ignores TERM ends when it wants', async () => {
    await using emissary = await RunningEmissary.script(`trap '' TERM; echo ready; read line; exit 7`);
    await emissary.says('ready');
    emissary.signal(15);
    emissary.signal(15);
    emissary.signal(28);
    emissary.endInput();
    expect(await emissary.exited()).toBe(7);
  });

  it('ends a command that does nothing about it with 128 + n', async () => {
    await using emissary = await RunningEmissary.script('echo ready; exec sleep 60');
    await emissary.says('ready');
    emissary.signal(15);
    expect(await emissary.exited()).toBe(143);
  });

  it('is not lost however early it comes', async () => {
    const codes = new Set<unknown>();
    for (let round = 0; round < 50; round++) {
      await using emissary = await RunningEmissary.start(['--', 'sleep', '60']);
      emissary.signal(15);
      codes.add(await emissary.exited());
    }
    // SIGTERM: it came before the emissary's first instruction, when nobody can have it but the kernel.
    codes.delete('SIGTERM');
    expect([...codes]).toEqual(codes.size === 0 ? [] : [143]);
  });
});

describe('orphans', () => {
  it('a thousand short ones are reaped while the command runs', async () => {
    const script = 'i=0; while [ $i -lt 1000 ]; do (true &); i=$((i+1)); done; echo ready; read line; exit 5';
    await using emissary = await RunningEmissary.script(script);
    await emissary.says('ready');
    await emissary.until(() => childrenOf(emissary.pid).length === 1, 'only the command left');
    expect(childrenOf(emissary.pid).filter(({ state }) => state === 'Z')).toEqual([]);
    emissary.endInput();
    expect(await emissary.exited()).toBe(5);
  });

  it('come to the emissary, although it is not PID 1', async () => {
    const script = `(sh -c 'echo orphan $$; exec sleep 60' >&2 &); read line; exit 0`;
    await using emissary = await RunningEmissary.script(script);
    await emissary.until(() => childrenOf(emissary.pid).length === 2, 'the orphan adopted');
    const [orphan] = childrenOf(emissary.pid).slice(-1);
    emissary.endInput();
    expect(await emissary.exited()).toBe(0);
    if (orphan !== undefined && (await isAlive(orphan.pid))) process.kill(orphan.pid, 'SIGKILL');
  });

  it('that end with another code do not change the command’s', async () => {
    await using emissary = await RunningEmissary.script('(exit 3 &); (sh -c "kill -9 \\$\\$" &); sleep 0.1; exit 4');
    expect(await emissary.exited()).toBe(4);
  });

  it.each([[[]], [['--capture']]])('in the background do not hold the step (%j)', async (options) => {
    await using volume = new SharedVolume();
    const script = 'sleep 600 >&2 & echo $!; echo done';
    await using emissary = await RunningEmissary.script(script, ['--dir', volume.path, ...options]);
    expect(await emissary.exited()).toBe(0);
    expect(volume.read('ctr/main/exitcode')).toBe('0');
    await emissary.says('done');
    const background = Number.parseInt(emissary.stdout, 10);
    expect(await isAlive(background)).toBe(true);
    process.kill(background, 'SIGKILL');
  });
});

describe('the signal file', () => {
  it.each([
    ['15', 143],
    ['9', 137],
    ['SIGUSR1', 138],
    ['10\n', 138],
  ])('%j is sent to the command, once', async (content, code) => {
    await using volume = new SharedVolume();
    await using emissary = await RunningEmissary.script('trap "" TERM INT; trap - TERM; echo ready; exec sleep 60', [
      '--dir',
      volume.path,
    ]);
    await emissary.says('ready');
    volume.write('ctr/main/signal', content);
    expect(await emissary.exited()).toBe(code);
    expect(volume.has('ctr/main/signal')).toBe(false);
    expect(volume.read('ctr/main/exitcode')).toBe(`${code}`);
  });

  it('reaches the group of a command that ignores TERM: KILL ends it and its children', async () => {
    await using volume = new SharedVolume();
    const script = 'trap "" TERM; sleep 600 & echo child $!; while :; do sleep 1; done';
    await using emissary = await RunningEmissary.script(script, ['--dir', volume.path]);
    await emissary.says('child');
    const child = Number(emissary.stdout.trim().split(' ')[1]);
    volume.write('ctr/main/signal', '15');
    await emissary.until(() => !volume.has('ctr/main/signal'), 'TERM taken');
    volume.write('ctr/main/signal', '9');
    expect(await emissary.exited()).toBe(137);
    await emissary.until(async () => !(await isAlive(child)), 'the child gone');
  });

  it('that was written before the start keeps the command from being started', async () => {
    await using volume = new SharedVolume();
    volume.write('ctr/main/signal', '15');
    await using emissary = await RunningEmissary.script('echo started', ['--dir', volume.path]);
    expect(await emissary.exited()).toBe(143);
    expect(emissary.stdout).toBe('');
    expect(volume.record()).toMatchObject({ reason: 'SIGNALED_BEFORE_START', source: 'emissary', attempts: 0 });
  });

  it('with nonsense is said and passed over', async () => {
    await using volume = new SharedVolume();
    await using emissary = await RunningEmissary.script('echo ready; read line; exit 6', ['--dir', volume.path]);
    await emissary.says('ready');
    volume.write('ctr/main/signal', 'nonsense');
    await emissary.says('which is no signal');
    emissary.endInput();
    expect(await emissary.exited()).toBe(6);
  });
});

describe('kill SIGNAL PID', () => {
  it('sends it', async () => {
    await using emissary = await RunningEmissary.script('trap "exit 8" USR2; echo ready; while :; do sleep 0.05; done');
    await emissary.says('ready');
    expect((await run([await builtEmissary(), 'kill', 'USR2', `${emissary.pid}`])).exitCode).toBe(0);
    expect(await emissary.exited()).toBe(8);
  });

  it.each([
    [['kill', '15', '99999999'], 'no process 99999999'],
    [['kill', 'NOPE', '1'], '"NOPE" is no signal'],
    [['kill', '15', '-1'], '"-1" is no process id'],
    [['kill', '15'], 'takes a signal and a pid'],
  ])('%j is 64', async (args, words) => {
    const { exitCode, stderr } = await run([await builtEmissary(), ...args]);
    expect(exitCode).toBe(64);
    expect(stderr.toString()).toContain(words);
  });
});
