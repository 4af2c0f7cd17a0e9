import { chmodSync, statSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { run } from '../node/processes.ts';
import { builtEmissary, RunningEmissary, runScript } from './running.ts';
import { SharedVolume } from './shared-volume.ts';

beforeAll(builtEmissary);

describe('a volume that cannot be used', () => {
  it.each([
    ['is not there', async () => {}, { path: '/nothing/here' }, 'mount the pod’s'],
    ['is read-only', (volume: SharedVolume) => volume.makeReadOnly(), {}, 'mount it without readOnly'],
    [
      'is not writable',
      async (volume: SharedVolume) => chmodSync(volume.path, 0o755),
      { uid: 65534 },
      'has to be writable',
    ],
  ])(
    'ends the container with 64 before the command: it %s',
    async (_name, spoil, options: { path?: string; uid?: number }, words) => {
      await using volume = new SharedVolume();
      await spoil(volume);
      const { uid, path = volume.path } = options;
      const started = await runScript('echo started', ['--dir', path], { ...(uid !== undefined && { uid, gid: uid }) });
      expect(started.exitCode).toBe(64);
      expect(started.stdout.toString()).toBe('');
      expect(started.stderr.toString().replace("'", '’')).toContain(words);
    },
  );

  it('ends the container with 64 before the command: it is full', async () => {
    await using volume = await SharedVolume.ofSize(128 * 1024);
    await run(['dd', 'if=/dev/zero', `of=${volume.at('fill')}`, 'bs=4096']);
    const { exitCode, stdout, stderr } = await runScript('echo started', ['--dir', volume.path]);
    expect([exitCode, stdout.toString()]).toEqual([64, '']);
    expect(stderr.toString()).toContain('it is full');
  });

  it('says the reason in the termination log', async () => {
    await using volume = new SharedVolume();
    volume.write('log', '');
    await runScript('true', ['--dir', '/nothing/here', '--termination-log', volume.at('log')]);
    expect(volume.read('log')).toContain('there is no directory /nothing/here');
  });
});

describe('a volume that the command fills', () => {
  it('has room for the exit code and the record', async () => {
    await using volume = await SharedVolume.ofSize(256 * 1024);
    const script = `dd if=/dev/zero of=${volume.at('fill')} bs=4096 2>/dev/null; exit 3`;
    expect((await runScript(script, ['--dir', volume.path])).exitCode).toBe(3);
    expect(volume.read('ctr/main/exitcode')).toBe('3');
    expect(volume.record()).toMatchObject({ exitCode: 3, source: 'command' });
  });

  it('makes output that could not be kept a failure of ours, and passes it on all the same', async () => {
    await using volume = await SharedVolume.ofSize(256 * 1024);
    const { exitCode, stdout, stderr } = await runScript('head -c 1000000 /dev/zero', [
      '--dir',
      volume.path,
      '--capture',
    ]);
    expect(exitCode).toBe(64);
    expect(stdout.length).toBe(1_000_000);
    expect(stderr.toString()).toContain('stdout is not complete: No space left on device');
    expect(volume.read('ctr/main/exitcode')).toBe('64');
    expect(volume.record()).toMatchObject({
      source: 'emissary',
      reason: 'OUTPUTS_NOT_SAVED',
      command: { exitCode: 0 },
    });
  });

  it('leaves the command its own failure', async () => {
    await using volume = await SharedVolume.ofSize(256 * 1024);
    const script = 'head -c 1000000 /dev/zero; exit 5';
    expect((await runScript(script, ['--dir', volume.path, '--capture'])).exitCode).toBe(5);
    expect(volume.record()).toMatchObject({ exitCode: 5, source: 'command', reason: 'OUTPUTS_NOT_SAVED' });
  });
});

describe('files in the volume', () => {
  it('can be used by containers of other users', async () => {
    await using volume = new SharedVolume();
    expect((await runScript('umask 077; exit 1', ['--dir', volume.path, '--container', 'a'])).exitCode).toBe(1);
    expect(statSync(volume.at('ctr')).mode & 0o7777).toBe(0o777);
    expect(statSync(volume.at('ctr/a')).mode & 0o7777).toBe(0o777);
    expect(statSync(volume.at('ctr/a/exitcode')).mode & 0o7777).toBe(0o644);
    const nobody = { uid: 65534, gid: 65534 };
    expect((await runScript('id -u', ['--dir', volume.path, '--container', 'b'], nobody)).stdout.toString()).toBe(
      '65534\n',
    );
    expect(volume.read('ctr/b/exitcode')).toBe('0');
  });

  it('hold no exit code while the command runs, also where an earlier run left one', async () => {
    await using volume = new SharedVolume();
    await runScript('exit 9', ['--dir', volume.path]);
    await using emissary = await RunningEmissary.script('echo ready; read line', ['--dir', volume.path]);
    await emissary.says('ready');
    expect([volume.has('ctr/main/exitcode'), volume.has('ctr/main/record')]).toEqual([false, false]);
    emissary.endInput();
    await emissary.exited();
    expect(volume.has('ctr/main/exitcode')).toBe(true);
  });

  it('are none without a container', async () => {
    await using volume = new SharedVolume();
    const words = [await builtEmissary(), '--', 'true'];
    expect((await run(words, { cwd: volume.path })).exitCode).toBe(0);
    expect(volume.has('ctr')).toBe(false);
  });
});

describe('a debug pause', () => {
  it.each(['before', 'after'])('%s the command lasts until the file is there', async (moment) => {
    await using volume = new SharedVolume();
    const env = { ...process.env, [`ARGO_DEBUG_PAUSE_${moment.toUpperCase()}`]: 'true' };
    await using emissary = await RunningEmissary.script('echo ran; exit 4', ['--dir', volume.path], { env });
    await emissary.says(`paused ${moment}`);
    expect(emissary.stdout).toBe(moment === 'before' ? '' : 'ran\n');
    expect(volume.has('ctr/main/exitcode')).toBe(false);
    volume.write(`ctr/main/${moment}`, '');
    expect(await emissary.exited()).toBe(4);
  });

  it.each([
    ['before', 143],
    ['after', 4],
  ])('%s the command is ended by a signal', async (moment, code) => {
    await using volume = new SharedVolume();
    const env = { ...process.env, [`ARGO_DEBUG_PAUSE_${moment.toUpperCase()}`]: 'true' };
    await using emissary = await RunningEmissary.script('exit 4', ['--dir', volume.path], { env });
    await emissary.says(`paused ${moment}`);
    emissary.signal(15);
    expect(await emissary.exited()).toBe(code);
    expect(volume.read('ctr/main/exitcode')).toBe(`${code}`);
  });
});
