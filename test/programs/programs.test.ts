import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NamespaceRuntime } from '../node/namespace-runtime.ts';
import type { TestContainer, TestPod } from '../node/pods.ts';
import { becomes } from '../node/processes.ts';
import {
  childRunsOutOfMemory,
  deafToTerm,
  endsOnTerm,
  exitsAsIfKilled,
  hasChildren,
  ignoresTerm,
  leavesGrandchild,
} from './endings.ts';
import { invalidUtf8, outputLine, printsBytes, printsInvalidUtf8, printsOnBoth } from './outputs.ts';
import { sh, staysReady } from './shell.ts';
import * as trees from './trees.ts';

let runtime: NamespaceRuntime;
let pod: TestPod;

beforeAll(async () => {
  runtime = await NamespaceRuntime.open();
  pod = await runtime.pod();
});
afterAll(async () => runtime?.close());

test.each([
  ['exits as if killed', exitsAsIfKilled, 137],
  ['has a child that runs out of memory', childRunsOutOfMemory, 3],
  ['leaves a grandchild', leavesGrandchild, 5],
])('%s', async (_, command, exitCode) => {
  const container = await pod.run({ name: 'ends', command, memoryBytes: 64 << 20, restartCount: exitCode });
  expect(await container.exited()).toEqual({ exitCode });
});

test.each([
  ['ignores TERM', ignoresTerm],
  ['is deaf to TERM', deafToTerm],
  ['has children', hasChildren(3)],
])('%s', async (name, command) => {
  const container = await pod.run({ name: name.replaceAll(' ', '-').toLowerCase(), command });
  if (command !== deafToTerm) await says(container, 'ready');
  await container.signal('SIGTERM');
  await container.signal('SIGKILL');
  expect(await container.exited()).toEqual({ exitCode: 137 });
});

test('ends on TERM, in its own time', async () => {
  const container = await pod.run({ name: 'ends-on-term', command: endsOnTerm(9, 1) });
  await says(container, 'ready');
  await container.signal('SIGTERM');
  expect(await container.exited()).toEqual({ exitCode: 9 });
});

test('prints what it says it prints', async () => {
  const bytes = await pod.run({ name: 'bytes', command: printsBytes(1_000_000) });
  const invalid = await pod.run({ name: 'invalid', command: printsInvalidUtf8 });
  const both = await pod.run({ name: 'both', command: printsOnBoth(3) });
  await Promise.all([bytes, invalid, both].map((container) => container.exited()));
  await says(bytes, `${outputLine}\n`.repeat(2).slice(0, 30));
  expect((await outputOf(bytes, 1_000_000)).toString()).toBe(`${outputLine}\n`.repeat(10_000));
  expect(await outputOf(invalid, invalidUtf8.length)).toEqual(invalidUtf8);
  expect((await outputOf(both, 36)).toString()).toBe('out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n');
});

test('makes the trees it says it makes', async () => {
  const made = [trees.awkwardNames, trees.specialFiles, trees.symlinks, trees.deepTree(200), trees.sparseFile(2 ** 40)];
  const more = [
    trees.manyFiles(3000),
    trees.hardLinks(50),
    trees.guardedFiles,
    trees.noiseFile(5000),
    trees.swappedDirectory,
  ];
  const moving = [trees.growingFile, trees.shrinkingFile];
  const steps = ['set -e; cd /v', ...made, ...more, ...moving, 'set +e', staysReady];
  const volumes = [{ volume: 'v', mountPath: '/v' }];
  const container = await pod.run({ name: 'trees', command: sh(...steps), volumes });
  await says(container, 'ready');
  const top = await pod.volumeDir('v');
  const byBytes = (a: Buffer, b: Buffer) => a.compare(b);
  expect((await readdir(join(top, 'names'), { encoding: 'buffer' })).sort(byBytes)).toEqual(
    [...trees.awkwardFileNames].sort(byBytes),
  );
  const special = async (name: string) => await lstat(join(top, 'specials', name));
  expect((await special('fifo')).isFIFO()).toBe(true);
  expect((await special('zero')).isCharacterDevice()).toBe(true);
  expect((await special('socket')).isSocket()).toBe(true);
  expect(await readFile(join(top, 'links/chain45')).catch((error) => error.code)).toBe('ELOOP');
  expect(await readFile(join(top, 'links/chain40'), 'utf8')).toBe('inside\n');
  expect(await readFile(join(top, `deep${'/d'.repeat(200)}/bottom`), 'utf8')).toBe('bottom\n');
  const sparse = await lstat(join(top, 'sparse'));
  expect([sparse.size, sparse.blocks < 100]).toEqual([2 ** 40, true]);
  expect(await readFile(join(top, 'many/d002/f002999'), 'utf8')).toBe('2999\n');
  expect((await lstat(join(top, 'linked/50'))).nlink).toBe(50);
  expect((await lstat(join(top, 'unreadable'))).mode & 0o777).toBe(0);
  expect((await lstat(join(top, 'noise'))).size).toBe(5000);
  const { size } = await lstat(join(top, 'grows'));
  expect(await becomes(async () => (await lstat(join(top, 'grows'))).size > size, 30_000)).toBe(true);
  const kind = async () => (await lstat(join(top, 'swapped')).catch(() => undefined))?.isSymbolicLink();
  expect(await becomes(async () => (await kind()) === true, 30_000)).toBe(true);
  expect(await becomes(async () => (await kind()) === false, 30_000)).toBe(true);
});

async function says(container: TestContainer, text: string): Promise<void> {
  const path = await container.logPath();
  expect(await becomes(async () => (await readFile(path, 'utf8')).includes(text), 60_000)).toBe(true);
}

/** What a container has printed, put together from its log, once there is so much of it. */
async function outputOf(container: TestContainer, bytes: number): Promise<Buffer> {
  const path = await container.logPath();
  const read = async () => {
    const lines = (await readFile(path, 'latin1')).split('\n').slice(0, -1);
    return Buffer.from(
      lines
        .map((line) =>
          line
            .replace(/^\S+ \S+ /, '')
            .replace(/^F (.*)$/s, '$1\n')
            .replace(/^P /, ''),
        )
        .join(''),
      'latin1',
    );
  };
  await becomes(async () => (await read()).length >= bytes, 30_000);
  return await read();
}
