import { beforeAll, describe, expect, it } from 'vitest';
import { builtEmissary, RunningEmissary, runScript } from './running.ts';
import { SharedVolume } from './shared-volume.ts';

beforeAll(builtEmissary);

describe('an ended container', () => {
  it('does not stay where no agent has asked for it', async () => {
    await using volume = new SharedVolume();
    expect((await runScript('exit 3', ['--dir', volume.path])).exitCode).toBe(3);
  });

  it('stays until the agent has taken it: its exit code is there to be seen before', async () => {
    await using volume = new SharedVolume();
    volume.write('agent', '60000');
    await using emissary = await RunningEmissary.script('exit 3', ['--dir', volume.path]);
    await emissary.until(() => volume.has('ctr/main/exitcode'), 'exitcode');
    expect(volume.read('ctr/main/exitcode')).toBe('3');
    // Its root is there as long as it is.
    process.kill(emissary.pid, 0);
    volume.write('ctr/main/collected', '');
    expect(await emissary.exited()).toBe(3);
  });

  it('does not take what an earlier run has left for that', async () => {
    await using volume = new SharedVolume();
    volume.write('ctr/main/collected', '');
    volume.write('agent', '60000');
    await using emissary = await RunningEmissary.script('exit 0', ['--dir', volume.path]);
    await emissary.until(() => volume.has('ctr/main/exitcode'), 'exitcode');
    expect(volume.has('ctr/main/collected')).toBe(false);
    process.kill(emissary.pid, 0);
    emissary.signal(15);
    expect(await emissary.exited()).toBe(0);
  });

  it.each([
    ['a signal', (emissary: RunningEmissary, _: SharedVolume) => emissary.signal(15)],
    ['the signal file', (_: RunningEmissary, volume: SharedVolume) => volume.write('ctr/main/signal', 'TERM')],
  ])('goes at once at %s, with its own exit code', async (_, send) => {
    await using volume = new SharedVolume();
    volume.write('agent', '60000');
    await using emissary = await RunningEmissary.script('exit 4', ['--dir', volume.path]);
    await emissary.until(() => volume.has('ctr/main/exitcode'), 'exitcode');
    send(emissary, volume);
    expect(await emissary.exited()).toBe(4);
    expect(volume.record()).toMatchObject({ exitCode: 4, source: 'command' });
  });

  it('goes by itself when nobody comes', async () => {
    await using volume = new SharedVolume();
    volume.write('agent', '50');
    expect((await runScript('exit 5', ['--dir', volume.path])).exitCode).toBe(5);
  });

  it.each(['', 'soon', '-1', '99999999999999999999'])('does not stay for "%s", which is no time', async (text) => {
    await using volume = new SharedVolume();
    volume.write('agent', text);
    expect((await runScript('exit 6', ['--dir', volume.path])).exitCode).toBe(6);
  });

  it('does not stay where its command never ran', async () => {
    await using volume = new SharedVolume();
    volume.write('agent', '60000');
    volume.template({ containerSet: { containers: [{ name: 'main', dependencies: ['a'] }] } });
    volume.write('ctr/a/exitcode', '1');
    expect((await runScript('exit 0', ['--dir', volume.path])).exitCode).toBe(65);
  });
});

describe('output of an earlier run', () => {
  it('is gone before the next one waits for anything', async () => {
    await using volume = new SharedVolume();
    expect((await runScript('echo first', ['--dir', volume.path, '--capture'])).exitCode).toBe(0);
    expect(volume.read('ctr/main/stdout')).toBe('first\n');
    volume.template({ containerSet: { containers: [{ name: 'main', dependencies: ['a'] }] } });
    await using emissary = await RunningEmissary.script('echo second', ['--dir', volume.path, '--capture']);
    await emissary.until(() => volume.has('ctr/main/.reserved'), 'waiting');
    expect(['exitcode', 'record', 'stdout', 'combined'].filter((name) => volume.has(`ctr/main/${name}`))).toEqual([]);
    volume.write('ctr/a/exitcode', '0');
    expect(await emissary.exited()).toBe(0);
    expect(volume.read('ctr/main/stdout')).toBe('second\n');
  });
});
