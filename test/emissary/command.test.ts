import { chmodSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { must, run } from '../node/processes.ts';
import { builtEmissary, runEmissary, runScript } from './running.ts';
import { SharedVolume } from './shared-volume.ts';

beforeAll(builtEmissary);

/** The fields of /proc/PID/stat after the name: state, ppid, pgrp, session, tty, tpgid. */
const ownStat = `sed "s/.*) //" /proc/$$/stat | cut -d" " -f3,6`;

describe('the command', () => {
  it('leads a process group of its own', async () => {
    const { stdout } = await runScript('echo $$ $(ps -o pgid= -p $$)');
    const [pid, group] = stdout.toString().trim().split(/\s+/);
    expect(group).toBe(pid);
  });

  it.each(['022', '077', '002'])('has the umask %s that the emissary was given', async (umask) => {
    const shell = ['sh', '-c', `umask ${umask}; exec "$0" -- sh -c umask`, await builtEmissary()];
    expect((await must(shell)).trim()).toBe(`0${umask}`);
  });

  it('has exactly the environment', async () => {
    const { stdout } = await runEmissary(['--', '/usr/bin/env'], { env: { GREETING: 'two words', EMPTY: '' } });
    expect(stdout.toString().trim().split('\n').sort()).toEqual(['EMPTY=', 'GREETING=two words']);
  });

  it('has no descriptor but the first three', async () => {
    const extra = Array.from({ length: 5 }, () => openSync('/dev/null', 'r'));
    const binary = await builtEmissary();
    const inherit = extra.map((_, index) => `${index + 3}</dev/null`).join(' ');
    const script = `"$0" -- sh -c 'for fd in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$fd ] && echo open $fd; done; echo end' ${inherit}`;
    expect(await must(['sh', '-c', script, binary])).toBe('end\n');
  });

  it('gets arguments byte by byte, UTF-8 or not', async () => {
    const script = '"$0" -- printf "%s" "$(printf "a\\377\\376z")" "" "ä"';
    const { stdout } = await run(['sh', '-c', script, await builtEmissary()]);
    expect([...stdout]).toEqual([0x61, 0xff, 0xfe, 0x7a, 0xc3, 0xa4]);
  });

  it('gets over a MiB of arguments', async () => {
    const words = Array.from({ length: 12 }, (_, index) => `${index}`.repeat(100_000).slice(0, 100_000));
    const { stdout } = await runEmissary(['--', 'sh', '-c', 'printf "%s" "$@" | sha256sum', 'sh', ...words]);
    expect(stdout.toString()).toBe(await must(['sha256sum'], { input: words.join('') }));
  });

  it('gets arguments from a file after its own', async () => {
    await using volume = new SharedVolume();
    volume.write('args', JSON.stringify(['two words', 'ä']));
    const env = { ...process.env, ARGO_CONTAINER_ARGS_FILE: volume.at('args') };
    const { stdout } = await runEmissary(['--', 'printf', '[%s]', 'first'], { env });
    expect(stdout.toString()).toBe('[first][two words][ä]');
  });

  it('reads stdin', async () => {
    expect((await runEmissary(['--', 'cat'], { input: 'through' })).stdout.toString()).toBe('through');
  });

  it('keeps its terminal, in the foreground', async () => {
    await using volume = new SharedVolume();
    volume.write('inner', `[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && ${ownStat}`);
    const { stdout } = await run([
      'script',
      '-qec',
      `${await builtEmissary()} -- sh ${volume.at('inner')}`,
      '/dev/null',
    ]);
    const [group, foreground] = stdout.toString().trim().split(/\s+/);
    expect(Number(group)).toBeGreaterThan(1);
    expect(foreground).toBe(group);
  });
});

describe('the look-up of a command', () => {
  async function places(): Promise<SharedVolume> {
    const volume = new SharedVolume();
    for (const [path, mode] of [
      ['first/tool', 0o644],
      ['second/tool', 0o755],
      ['work/tool', 0o755],
    ] as const) {
      volume.write(path, `#!/bin/sh\necho ${path}\n`);
      chmodSync(volume.at(path), mode);
    }
    mkdirSync(volume.at('directory/tool'), { recursive: true });
    symlinkSync('../second/tool', volume.at('work/link'));
    writeFileSync(volume.at('plain'), '');
    return volume;
  }

  it.each([
    ['the first that can be executed', 'tool', 'first:second', 'second/tool'],
    ['past a directory of that name', 'tool', 'directory:second', 'second/tool'],
    ['past what is no directory', 'tool', 'plain:missing:second', 'second/tool'],
    ['an empty element is the working directory', 'tool', ':second', 'work/tool'],
    ['a slash means the working directory, not PATH', './tool', 'second', 'work/tool'],
    ['up from the working directory', '../second/tool', '', 'second/tool'],
    ['through a link', './link', '', 'second/tool'],
  ])('%s', async (_name, command, path, expected) => {
    await using volume = await places();
    const PATH = path
      .split(':')
      .map((name) => (name === '' ? '' : volume.at(name)))
      .join(':');
    const { stdout, stderr } = await runEmissary(['--', command], { cwd: volume.at('work'), env: { PATH } });
    expect(stdout.toString() + stderr).toBe(`${expected}\n`);
  });

  it('uses what runtimes give by default where there is no PATH at all', async () => {
    expect((await runEmissary(['--', 'true'], { env: {} })).exitCode).toBe(0);
  });

  it('is 126 where all that was found cannot be executed', async () => {
    await using volume = await places();
    const { exitCode, stderr } = await runEmissary(['--', 'tool'], { env: { PATH: volume.at('first') } });
    expect(exitCode).toBe(126);
    expect(stderr.toString()).toContain(volume.at('first/tool'));
    expect(readFileSync(volume.at('first/tool'), 'utf8')).toContain('echo');
  });
});
