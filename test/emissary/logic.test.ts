import fs from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../src/emissary/command-line.ts';
import { exitStatus } from '../../src/emissary/exit-status.ts';
import { Failure } from '../../src/emissary/failure.ts';
import { StoredGzip } from '../../src/emissary/outputs/gzip.ts';
import { cleanPath, isWithin, mountPoints } from '../../src/emissary/outputs/mounts.ts';
import { saveOutputs } from '../../src/emissary/outputs/save-outputs.ts';
import { endingOf, endingOfFailure } from '../../src/emissary/record.ts';
import { candidates, defaultPath } from '../../src/emissary/search.ts';
import { asksToEnd, isDeadly, parseSignal, signalName } from '../../src/emissary/signals.ts';
import { parseTemplate } from '../../src/emissary/template.ts';
import { utf8 } from '../../src/emissary/utf8.ts';
import { nodeFiles } from './node-files.ts';
import { SharedVolume } from './shared-volume.ts';

describe('the command line', () => {
  it.each([
    [['e', '--', 'c'], { action: 'run', options: {}, first: 2 }],
    [
      ['e', '--dir', '/d', '--container=x', '--', 'c', '--', '--help'],
      { action: 'run', options: { dir: '/d', container: 'x' }, first: 5 },
    ],
    [
      ['e', 'emissary', '--include-script-output', '--loglevel', 'info', '--', 'c'],
      { action: 'run', options: { capture: true }, first: 6 },
    ],
    [['e', 'kill', '15', '1'], { action: 'kill', signal: '15', pid: '1' }],
    [['e', '--version'], { action: 'version' }],
    [['e', '-h'], { action: 'help' }],
  ])('%j', (argv, expected) => {
    expect(parseCommandLine(argv)).toEqual(expected);
  });
});

describe('the files to try for a command', () => {
  it.each([
    ['tool', '/a:/b/', ['/a/tool', '/b/tool']],
    ['tool', ':/a:', ['tool', '/a/tool', 'tool']],
    ['./tool', '/a', ['./tool']],
    ['/x/tool', '/a', ['/x/tool']],
    ['tool', undefined, defaultPath.split(':').map((directory) => `${directory}/tool`)],
  ])('%s in %s', (command, path, expected) => {
    expect(candidates(command, path)).toEqual(expected);
  });
});

describe('a wait status', () => {
  it.each([
    [0, { exitCode: 0 }],
    [0x4000, { exitCode: 64 }],
    [0xff00, { exitCode: 255 }],
    [9, { exitCode: 137, signal: 9 }],
    [0x8b, { exitCode: 139, signal: 11 }],
    [34, { exitCode: 162, signal: 34 }],
  ])('%i', (status, expected) => {
    expect(exitStatus(status)).toEqual(expected);
  });
});

describe('signals', () => {
  it.each([
    ['15', 15],
    ['TERM', 15],
    ['sigusr1', 10],
    ['64', 64],
    ['0', undefined],
    ['65', undefined],
    ['', undefined],
    ['x', undefined],
  ])('%j is %s', (text, signal) => {
    expect(parseSignal(text)).toBe(signal);
  });

  it('have names, and kinds', () => {
    expect([signalName(28), signalName(40)]).toEqual(['SIGWINCH', 'signal 40']);
    expect([1, 2, 3, 9, 15].every(asksToEnd)).toBe(true);
    expect([10, 28].some(asksToEnd)).toBe(false);
    expect([13, 17, 18, 23, 28].some(isDeadly)).toBe(false);
    expect([1, 9, 10, 15, 40].every(isDeadly)).toBe(true);
  });
});

describe('who decides the exit code', () => {
  it.each([
    [{ exitCode: 64 }, [], { exitCode: 64, source: 'command' }],
    [{ exitCode: 0 }, ['lost'], { exitCode: 64, source: 'emissary', reason: 'OUTPUTS_NOT_SAVED', message: 'lost' }],
    [{ exitCode: 2 }, ['lost'], { exitCode: 2, source: 'command', reason: 'OUTPUTS_NOT_SAVED' }],
    [{ exitCode: 143, signal: 15 }, [], { exitCode: 143, source: 'command' }],
  ])('%j with %j', (status, problems, expected) => {
    expect(endingOf(status, 1, problems)).toMatchObject(expected);
  });

  it.each([
    [new Failure('COMMAND_NOT_FOUND', 'm'), 127, 'command'],
    [new Failure('COMMAND_NOT_EXECUTABLE', 'm'), 126, 'command'],
    [new Failure('DEPENDENCY_FAILED', 'm'), 65, 'emissary'],
    [new Failure('VOLUME_UNUSABLE', 'm'), 64, 'emissary'],
    [new RangeError('m'), 64, 'emissary'],
  ])('%s', (error, exitCode, source) => {
    expect(endingOfFailure(error, 0)).toMatchObject({ exitCode, source });
  });
});

describe('a template', () => {
  it('may be empty', () => {
    expect(parseTemplate(' ')).toEqual(parseTemplate('{}'));
    expect(parseTemplate('{}').retries).toBe(0);
  });

  it('gives what the emissary needs and passes over the rest', () => {
    const { containers, retries, retryDelayMs, mounts } = parseTemplate(
      JSON.stringify({
        containerSet: {
          containers: [{ name: 'a', image: 'x' }, { name: 'b', dependencies: ['a'] }, { image: 'nameless' }],
          retryStrategy: { retries: '3', duration: '1m1.5s' },
          volumeMounts: [{ mountPath: '/m' }],
        },
      }),
    );
    expect([...containers]).toEqual([
      ['a', []],
      ['b', ['a']],
    ]);
    expect([retries, retryDelayMs, mounts]).toEqual([3, 61_500, ['/m']]);
  });
});

describe('paths', () => {
  it.each([
    ['/a/../b//c/./', '/b/c'],
    ['/../..', '/'],
    ['a/b', undefined],
  ])('%s is cleaned to %s', (path, expected) => {
    expect(cleanPath(path)).toBe(expected);
  });

  it('lie within others by whole names', () => {
    expect([isWithin('/a/b', '/a'), isWithin('/a', '/a'), isWithin('/ab', '/a'), isWithin('/a', '/')]).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });

  it('are mount points as the kernel says', () => {
    expect(mountPoints(nodeFiles).has('/proc')).toBe(true);
  });
});

describe('gzip of stored blocks', () => {
  it.each([0, 1, 65_535, 65_536, 200_000])('of %i bytes is what zlib reads', async (size) => {
    await using volume = new SharedVolume();
    const content = Buffer.from(Array.from({ length: size }, (_, index) => (index * 31) & 255));
    const fd = fs.openSync(volume.at('file.gz'), 'w');
    const gzip = new StoredGzip(nodeFiles, fd);
    for (let at = 0; at < size; at += 999) gzip.write(content.subarray(at, at + 999));
    gzip.end();
    fs.closeSync(fd);
    expect(gunzipSync(fs.readFileSync(volume.at('file.gz'))).equals(content)).toBe(true);
  });
});

it('outputs are saved by the logic alone', async () => {
  await using volume = new SharedVolume();
  volume.write('value', 'v');
  const template = parseTemplate(
    JSON.stringify({
      outputs: { parameters: [{ valueFrom: { path: volume.at('value') } }, { valueFrom: { path: 'relative' } }] },
    }),
  );
  expect(saveOutputs(nodeFiles, volume.path, template)).toEqual(['output parameter "relative" is no absolute path']);
  expect(volume.read(`outputs/parameters${volume.at('value')}`)).toBe('v');
});

it.each(['', 'ascii', 'ünï', '☃', '😀', 'a\ud800b'])('UTF-8 of %j is what Node gives', (text) => {
  expect(Buffer.from(utf8(text))).toEqual(Buffer.from(text));
});
