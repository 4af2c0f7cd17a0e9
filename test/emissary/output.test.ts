import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { run } from '../node/processes.ts';
import { builtEmissary, RunningEmissary, runScript } from './running.ts';
import { SharedVolume } from './shared-volume.ts';

beforeAll(builtEmissary);

const gibibyte = 1024 ** 3;

/** Reads a command's stdout to its end, and counts. */
async function counted(args: readonly string[]): Promise<{ bytes: number; code: unknown }> {
  const child = spawn(await builtEmissary(), args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let bytes = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  const [code] = await once(child, 'close');
  return { bytes, code };
}

/** The exit code of an emissary whose reader takes a little and goes away. A true pipe, which Node's own are not. */
async function withoutReader(args: readonly string[]): Promise<number> {
  const pipeline = '"$@" | head -c 1 >/dev/null; set -- "$PIPESTATUS"; exit "$1"';
  return (await run(['bash', '-c', pipeline, 'bash', await builtEmissary(), ...args])).exitCode;
}

describe('the output of a command', () => {
  it('is in files, and goes its usual way', async () => {
    await using volume = new SharedVolume();
    const script = 'printf out; sleep 0.2; printf err >&2; sleep 0.2; printf "\\377more"';
    const { stdout, stderr } = await runScript(script, ['--dir', volume.path, '--capture']);
    const bytes = (text: string) => Buffer.from(text, 'latin1');
    expect([stdout, stderr]).toEqual([bytes('out\u00ffmore'), bytes('err')]);
    const file = (name: string) => readFileSync(volume.at(`ctr/main/${name}`));
    expect(file('stdout')).toEqual(bytes('out\u00ffmore'));
    expect(file('stderr')).toEqual(bytes('err'));
    expect(file('combined')).toEqual(bytes('outerr\u00ffmore'));
  });

  it.each([
    ['a flag', ['--capture'], {}, {}],
    ['a variable', [], { ARGO_INCLUDE_SCRIPT_OUTPUT: 'true' }, {}],
    ['the template', [], {}, { archiveLocation: { archiveLogs: true } }],
  ])('is kept where %s asks for it', async (_name, options, env, template) => {
    await using volume = new SharedVolume();
    volume.template(template);
    await runScript('echo text', ['--dir', volume.path, ...options], { env: { ...process.env, ...env } });
    expect(volume.read('ctr/main/stdout')).toBe('text\n');
  });

  it('is not touched where nobody asked: the command has our own stdout', async () => {
    await using volume = new SharedVolume();
    await using emissary = await RunningEmissary.script('readlink /proc/$$/fd/1 /proc/$PPID/fd/1; read line', [
      '--dir',
      volume.path,
    ]);
    await emissary.until(() => emissary.stdout.split('\n').length === 3, 'both links');
    const [own, ours] = emissary.stdout.split('\n');
    expect(own).toBe(ours);
    expect(volume.has('ctr/main/stdout')).toBe(false);
  });

  it('of an earlier run of the container is gone', async () => {
    await using volume = new SharedVolume();
    await runScript('echo a longer first run', ['--dir', volume.path, '--capture']);
    await runScript('echo second', ['--dir', volume.path, '--capture']);
    expect(volume.read('ctr/main/combined')).toBe('second\n');
  });

  it('is complete at the end: what is in the pipe when the command ends is not lost', async () => {
    await using volume = new SharedVolume();
    const { stdout } = await runScript('head -c 65536 /dev/zero; exec head -c 60000 /dev/zero', [
      ...['--dir', volume.path, '--capture'],
    ]);
    expect(stdout.length).toBe(125_536);
    expect(statSync(volume.at('ctr/main/stdout')).size).toBe(125_536);
  });

  it('of 1 GiB passes without capture', async () => {
    const command = ['--', 'head', '-c', `${gibibyte}`, '/dev/zero'];
    expect(await counted(command)).toEqual({ bytes: gibibyte, code: 0 });
  });

  it('of 1 GiB passes with capture, in memory that does not grow with it', async () => {
    await using volume = new SharedVolume();
    const script = `head -c ${gibibyte} /dev/zero; grep VmHWM /proc/$PPID/status >&2`;
    const options = ['--dir', volume.path, '--capture'];
    expect(await counted([...options, '--', 'sh', '-c', script])).toEqual({ bytes: gibibyte, code: 0 });
    expect(statSync(volume.at('ctr/main/stdout')).size).toBe(gibibyte);
    expect(Number(/\d+/.exec(volume.read('ctr/main/stderr'))?.[0])).toBeLessThan(8 * 1024);
  });

  it.each([[[]], [['--capture']]])('whose reader has gone ends the command, as without us (%j)', async (options) => {
    await using volume = new SharedVolume();
    expect(await withoutReader(['--dir', volume.path, ...options, '--', 'yes'])).toBe(141);
    expect(volume.read('ctr/main/exitcode')).toBe('141');
  });

  it('that nobody reads does not keep signals from the command', async () => {
    await using volume = new SharedVolume();
    const script = 'trap "exit 11" TERM; yes & wait';
    const args = ['--dir', volume.path, '--capture', '--', 'sh', '-c', script];
    const child = spawn(await builtEmissary(), args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    // Never read; the pipe is full when its file no longer grows.
    child.stdout.pause();
    let before = -1;
    const size = () => (volume.has('ctr/main/stdout') ? statSync(volume.at('ctr/main/stdout')).size : 0);
    for (let now = size(); now !== before || now === 0; now = size()) {
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    child.kill('SIGTERM');
    // Another one gives up what nobody takes.
    const again = setInterval(() => child.kill('SIGTERM'), 100);
    const [code] = await ended;
    clearInterval(again);
    expect(code).toBe(11);
  });
});
