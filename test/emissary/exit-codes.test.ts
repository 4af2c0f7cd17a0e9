import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtEmissary, runEmissary, runScript } from './running.ts';
import { SharedVolume } from './shared-volume.ts';

let directory = '';

beforeAll(async () => {
  await builtEmissary();
  directory = mkdtempSync(join(tmpdir(), 'podhand-commands-'));
});

afterAll(() => rmSync(directory, { recursive: true }));

function program(name: string, content: string, mode = 0o755): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

describe('the exit code', () => {
  it.each([0, 1, 2, 64, 65, 126, 127, 255])('%i of the command is its own', async (code) => {
    const { exitCode, stderr } = await runScript(`exit ${code}`);
    expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: code, stderr: '' });
  });

  const deadly = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31, 34, 50, 64];
  it.each(deadly)('is 128 + %i after that signal', async (signal) => {
    expect((await runScript(`ulimit -c 0; kill -${signal} $$`)).exitCode).toBe(128 + signal);
  });

  it.each([
    ['not in PATH', ['nothing-of-this-name'], {}, 127, 'not found in PATH (/bin)'],
    ['no such path', ['/nothing/of/this/name'], {}, 127, 'no such file in this image'],
    ['empty', [''], {}, 127, 'the command is empty'],
    ['a directory', ['/etc'], {}, 126, 'is a directory'],
    ['a file without x', ['/etc/passwd'], {}, 126, 'needs the x permission'],
  ])('says what is wrong: %s', async (_name, command, _options, code, words) => {
    const { exitCode, stderr } = await runEmissary(['--', ...command], { env: { PATH: '/bin' } });
    expect(exitCode).toBe(code);
    expect(stderr.toString()).toContain(words);
  });

  it.each([
    ['a script without an interpreter', 'echo no\n', 126, 'script without an interpreter'],
    ['a script whose interpreter is not there', '#!/no/such/interpreter -x\n', 127, '"/no/such/interpreter"'],
    ['a program of another machine', '\u007fELF\u0000\u0000nonsense', 126, 'no program of this kind of machine'],
  ])('says what is wrong: %s', async (name, content, code, words) => {
    const { exitCode, stderr } = await runEmissary(['--', program(name, content)]);
    expect(exitCode).toBe(code);
    expect(stderr.toString()).toContain(words);
  });

  it('is 126 where one argument is longer than the kernel takes, and says so', async () => {
    await using volume = new SharedVolume();
    volume.write('args', JSON.stringify(['x'.repeat(200_000)]));
    const { exitCode, stderr } = await runEmissary(['--', 'true'], {
      env: { ...process.env, ARGO_CONTAINER_ARGS_FILE: volume.at('args') },
    });
    expect(exitCode).toBe(126);
    expect(stderr.toString()).toMatch(/128 KiB/);
  });

  it.each([
    [[], 'no command given'],
    [['--'], 'no command after "--"'],
    [['true'], '"--" has to come before true'],
    [['--no-such-option', '--', 'true'], 'unknown option --no-such-option'],
    [['--dir'], '--dir needs a value'],
    [['--container', 'a/b', '--', 'true'], 'is no name of a container'],
  ])('is 64 for the command line %j', async (args, words) => {
    const { exitCode, stderr } = await runEmissary(args);
    expect(exitCode).toBe(64);
    expect(stderr.toString()).toContain(words);
  });
});

describe('the record', () => {
  it('tells 64 of the command from 64 of the emissary', async () => {
    await using volume = new SharedVolume();
    expect((await runScript('exit 64', ['--dir', volume.path])).exitCode).toBe(64);
    expect(volume.read('ctr/main/exitcode')).toBe('64');
    expect(volume.record()).toMatchObject({ exitCode: 64, source: 'command', command: { exitCode: 64 }, attempts: 1 });
    volume.write('template', 'no JSON');
    expect((await runScript('exit 0', ['--dir', volume.path])).exitCode).toBe(64);
    expect(volume.read('ctr/main/exitcode')).toBe('64');
    expect(volume.record()).toMatchObject({
      exitCode: 64,
      source: 'emissary',
      reason: 'TEMPLATE_INVALID',
      attempts: 0,
    });
  });

  it('has the signal that ended the command', async () => {
    await using volume = new SharedVolume();
    await runScript('kill -9 $$', ['--dir', volume.path, '--container', 'other']);
    expect(volume.read('ctr/other/exitcode')).toBe('137');
    expect(volume.record('other')).toMatchObject({ exitCode: 137, command: { exitCode: 137, signal: 9 } });
  });

  it('has the reason why the command could not be started, as the termination log has', async () => {
    await using volume = new SharedVolume();
    volume.write('termination-log', 'an older and longer message '.repeat(20));
    const log = ['--termination-log', volume.at('termination-log')];
    expect((await runEmissary(['--dir', volume.path, ...log, '--', 'nothing-here'])).exitCode).toBe(127);
    expect(volume.record()).toMatchObject({ source: 'command', reason: 'COMMAND_NOT_FOUND' });
    expect(volume.read('termination-log')).toMatch(/^command "nothing-here": not found in PATH/);
    expect(volume.read('termination-log')).not.toContain('older');
  });
});

describe('the command line', () => {
  it('has --help and --version', async () => {
    expect((await runEmissary(['--help'])).stdout.toString()).toContain('podhand-emissary [OPTIONS] -- COMMAND');
    expect((await runEmissary(['--version'])).stdout.toString()).toMatch(/^podhand-emissary \d+\.\d+\.\d+\n$/);
  });

  it('takes what workflow controllers give their own executor', async () => {
    const words = [
      'emissary',
      '--loglevel',
      'info',
      '--log-format=text',
      '--gloglevel',
      '0',
      '--',
      'sh',
      '-c',
      'exit 7',
    ];
    expect((await runEmissary(words)).exitCode).toBe(7);
  });

  it('leaves options after "--" to the command', async () => {
    const { stdout } = await runEmissary(['--', 'printf', '%s ', '--help', '--', '-x']);
    expect(stdout.toString()).toBe('--help -- -x ');
  });
});
