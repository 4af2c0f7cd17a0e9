import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { printsOnAndOn, printsOneLine, printsWithoutNewline } from '../programs/outputs.ts';
import { cacheDir } from './cache.ts';
import { cgroupDirs } from './mounts.ts';
import { NamespaceRuntime } from './namespace-runtime.ts';
import type { NamespaceContainer } from './namespaces/container.ts';
import type { TestContainer, TestPod } from './pods.ts';
import { becomes } from './processes.ts';

let runtime: NamespaceRuntime;
let pod: TestPod;

beforeAll(async () => {
  runtime = await NamespaceRuntime.open();
  pod = await runtime.pod({ name: 'my-pod', namespace: 'my-namespace' });
});
afterAll(async () => runtime?.close());

test('a container that waits to be started is already in its root, with its credentials, and no log names it', async () => {
  const container = await pod.run({ name: 'waits', command: ['sleep', '1000'], user: 'user', start: false });
  const proc = `/proc/${await container.pid()}`;
  expect((await stat(`${proc}/root/bin/busybox`)).isFile()).toBe(true);
  await expect(stat(`${proc}/root/.old`)).rejects.toThrow('ENOENT');
  expect(await readFile(`${proc}/status`, 'utf8')).toMatch(/^Uid:\t1234\t1234\t1234\t1234\nGid:\t1234\t/m);
  expect(await readFile(`${proc}/status`, 'utf8')).toMatch(/^NSpid:\t\d+\t1$/m);
  expect(await linksOf(container)).toEqual([]);

  await container.start();
  const [link = ''] = await linksOf(container);
  expect(link).toBe(`my-pod_my-namespace_waits-${container.id}.log`);
  const path = join(runtime.logDir, 'pods', `my-namespace_my-pod_${pod.uid}`, 'waits', '0.log');
  expect(await readlink(join(runtime.logDir, 'containers', link))).toBe(path);
  const ignored = /^SigIgn:\t0+$/m;
  expect(await readFile(`${proc}/status`, 'utf8')).toMatch(ignored);
  expect(await readdir(`${proc}/fd`)).toEqual(['0', '1', '2']);
});

test('long lines are cut into pieces of 16 KiB, and unfinished ones are pieces too', async () => {
  const long = await pod.run({ name: 'long', command: printsOneLine(40_000) });
  const unfinished = await pod.run({ name: 'unfinished', command: printsWithoutNewline });
  await Promise.all([long.exited(), unfinished.exited()]);
  const pieces = await linesOf(long, 3);
  expect(pieces.map(({ tag, text }) => [tag, text.length])).toEqual([
    ['P', 16_384],
    ['P', 16_384],
    ['F', 7_232],
  ]);
  expect((await linesOf(unfinished, 2)).map(({ tag, text }) => [tag, text])).toEqual([
    ['F', 'first'],
    ['P', 'no newline at the end'],
  ]);
});

test('a rotated log goes on in a new file', async () => {
  const container = (await pod.run({ name: 'rotated', command: printsOnAndOn })) as NamespaceContainer;
  await linesOf(container, 2);
  const old = await container.rotateLog();
  expect(dirname(old)).toBe(dirname(await container.logPath()));
  const [first] = await linesOf(container, 1);
  const before = (await readFile(old, 'utf8')).trim().split('\n').length;
  expect(first?.text).toBe(`line ${before + 1}`);
  await container.signal('SIGTERM');
  expect(await container.exited()).toEqual({ exitCode: 0 });
});

test('a test that is killed leaves nothing behind', async () => {
  const program = `
    const { NamespaceRuntime } = await import(${JSON.stringify(join(import.meta.dirname, 'namespace-runtime.ts'))});
    const pod = await (await NamespaceRuntime.open()).pod();
    await pod.run({ name: 'main', command: ['sleep', '1000'], volumes: [{ volume: 's', mountPath: '/s', kind: 'secret' }] });
    console.log(pod.uid);
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  const uid = said.toString().trim();
  const traces = [join('/run/podhand-test/pods', uid), cacheDir('bundles', uid), join(runtime.kubeletDir, 'pods', uid)];
  const gone = async () => {
    const left = await Promise.all(traces.map((path) => stat(path).catch(() => undefined)));
    return (
      left.every((found) => found === undefined) && (await cgroupDirs(`/kubepods/besteffort/pod${uid}`)).length === 0
    );
  };
  expect(await becomes(gone, 30_000)).toBe(true);
});

async function linksOf(container: TestContainer): Promise<string[]> {
  const names = await readdir(join(runtime.logDir, 'containers')).catch((): string[] => []);
  return names.filter((name) => name.includes(container.id));
}

interface CriLine {
  readonly stream: string;
  readonly tag: string;
  readonly text: string;
}

/** Waits until there are so many. */
async function linesOf(container: TestContainer, count: number): Promise<CriLine[]> {
  const path = await container.logPath();
  const read = async () => (await readFile(path, 'utf8')).split('\n').slice(0, -1);
  await becomes(async () => (await read()).length >= count, 30_000);
  return (await read()).map((line) => {
    const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) ([FP]) (.*)$/.exec(line);
    const [, stream = '', tag = '', text = ''] = match ?? [];
    return { stream, tag, text };
  });
}
