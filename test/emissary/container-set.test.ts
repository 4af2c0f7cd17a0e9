import { beforeAll, describe, expect, it } from 'vitest';
import { builtEmissary, RunningEmissary, runScript } from './running.ts';
import { SharedVolume } from './shared-volume.ts';

beforeAll(builtEmissary);

interface ContainerSet {
  readonly containers: readonly { readonly name: string; readonly dependencies?: readonly string[] }[];
  readonly retryStrategy?: { readonly retries: number | string; readonly duration?: string };
}

function volumeWith(containerSet: ContainerSet): SharedVolume {
  const volume = new SharedVolume();
  volume.template({ containerSet });
  return volume;
}

const chain: ContainerSet = {
  containers: [{ name: 'a' }, { name: 'b', dependencies: ['a'] }, { name: 'c', dependencies: ['a', 'b'] }],
};

const named = (volume: SharedVolume, name: string) => ['--dir', volume.path, '--container', name];

describe('a container set', () => {
  it('runs in the order of its dependencies, whatever starts first', async () => {
    await using volume = volumeWith(chain);
    const note = (name: string) => `echo ${name} >> ${volume.at('order')}`;
    await using c = await RunningEmissary.script(note('c'), named(volume, 'c'));
    await using b = await RunningEmissary.script(note('b'), named(volume, 'b'));
    await c.until(() => volume.has('ctr/b/.reserved') && volume.has('ctr/c/.reserved'), 'b and c waiting');
    expect(volume.has('order')).toBe(false);
    await using a = await RunningEmissary.script(note('a'), named(volume, 'a'));
    expect(await Promise.all([a.exited(), b.exited(), c.exited()])).toEqual([0, 0, 0]);
    expect(volume.read('order')).toBe('a\nb\nc\n');
  });

  it('with a failing dependency: what depends on it is not started, down the chain, and exits 65', async () => {
    await using volume = volumeWith(chain);
    await using c = await RunningEmissary.script('echo started', named(volume, 'c'));
    await using b = await RunningEmissary.script('echo started', named(volume, 'b'));
    expect((await runScript('exit 3', named(volume, 'a'))).exitCode).toBe(3);
    expect(await Promise.all([b.exited(), c.exited()])).toEqual([65, 65]);
    expect([b.stdout, c.stdout]).toEqual(['', '']);
    await b.says('container "a", on which this one depends, exited with 3');
    expect(volume.record('b')).toMatchObject({ reason: 'DEPENDENCY_FAILED', source: 'emissary', attempts: 0 });
    expect(volume.read('ctr/b/exitcode')).toBe('65');
  });

  it.each([
    [15, 143],
    [2, 130],
  ])('ends a wait for a dependency at signal %i with %i', async (signal, code) => {
    await using volume = volumeWith(chain);
    await using b = await RunningEmissary.script('echo started', named(volume, 'b'));
    await b.until(() => volume.has('ctr/b/.reserved'), 'b waiting');
    b.signal(28);
    b.signal(signal);
    expect(await b.exited()).toBe(code);
    expect(b.stdout).toBe('');
    expect(volume.read('ctr/b/exitcode')).toBe(`${code}`);
    expect(volume.record('b')).toMatchObject({ reason: 'SIGNALED_BEFORE_START' });
  });

  it('ends a wait for a dependency at the signal file', async () => {
    await using volume = volumeWith(chain);
    await using b = await RunningEmissary.script('echo started', named(volume, 'b'));
    await b.until(() => volume.has('ctr/b/.reserved'), 'b waiting');
    volume.write('ctr/b/signal', '9');
    expect(await b.exited()).toBe(137);
  });

  it('does not take a dependency for ended before its exit code is complete', async () => {
    await using volume = volumeWith(chain);
    volume.write('ctr/a/exitcode', '');
    await using b = await RunningEmissary.script('exit 0', named(volume, 'b'));
    await b.until(() => volume.has('ctr/b/.reserved'), 'b waiting');
    expect(volume.has('ctr/b/exitcode')).toBe(false);
    volume.write('ctr/a/exitcode', '0');
    expect(await b.exited()).toBe(0);
  });
});

describe('retries of a container set', () => {
  const failingTwice = (volume: SharedVolume) =>
    `echo try >> ${volume.at('tries')}; echo said; [ "$(wc -l < ${volume.at('tries')})" -ge 3 ] || exit 7`;
  const set = (retries: number | string, duration?: string): ContainerSet => ({
    containers: [{ name: 'main' }],
    retryStrategy: { retries, ...(duration !== undefined && { duration }) },
  });

  it.each([
    ['2', 0, 3],
    [5, 0, 3],
    [1, 7, 2],
    [0, 7, 1],
  ])('%s more attempts than the first: exit code %i after %i', async (retries, code, attempts) => {
    await using volume = volumeWith(set(retries, '10ms'));
    expect((await runScript(failingTwice(volume), ['--dir', volume.path, '--capture'])).exitCode).toBe(code);
    expect(volume.read('tries')).toBe('try\n'.repeat(attempts));
    expect(volume.record()).toMatchObject({ attempts, exitCode: code });
    expect(volume.read('ctr/main/stdout')).toBe('said\n'.repeat(attempts));
  });

  it('end with a signal that asks for the end', async () => {
    await using volume = volumeWith(set(5));
    const script = `echo try >> ${volume.at('tries')}; echo ready; exec sleep 60`;
    await using emissary = await RunningEmissary.script(script, ['--dir', volume.path]);
    await emissary.says('ready');
    emissary.signal(15);
    expect(await emissary.exited()).toBe(143);
    expect(volume.read('tries')).toBe('try\n');
  });

  it('end with a signal between two of them, with the code of the last', async () => {
    await using volume = volumeWith(set(5, '1h'));
    await using emissary = await RunningEmissary.script('echo ready; exit 3', ['--dir', volume.path]);
    await emissary.says('ready');
    const again = setInterval(() => emissary.signal(15), 50);
    const code = await emissary.exited();
    clearInterval(again);
    expect([3, 143]).toContain(code);
    expect(volume.record()).toMatchObject({ attempts: 1 });
  });

  it.each([
    [{ retries: 'many' }, 'retries is "many"'],
    [{ retries: 1, duration: 'soon' }, 'duration is "soon"'],
  ])('that make no sense are refused: %j', async (retryStrategy, words) => {
    await using volume = new SharedVolume();
    volume.template({ containerSet: { containers: [{ name: 'main' }], retryStrategy } });
    const { exitCode, stderr } = await runScript('true', ['--dir', volume.path]);
    expect(exitCode).toBe(64);
    expect(stderr.toString()).toContain(words);
  });
});
