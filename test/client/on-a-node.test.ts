import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { yes } from '../conformance/capabilities.ts';
import { eventually, openSubject, type Subject } from '../conformance/subject.ts';
import { NamespaceRuntime } from '../node/namespace-runtime.ts';
import type { TestPod } from '../node/pods.ts';
import { podhand, type Run, type Started } from './command-line.ts';

// The command against a real agent and real containers, on plain namespaces.
let subject: Subject;
let pod: TestPod;
let directory: string;

beforeAll(async () => {
  subject = await openSubject({
    executor: 'pns',
    open: async () => {
      const runtime = await NamespaceRuntime.open();
      const logs = [`nodeLogs.podsDir=${runtime.logDir}/pods`, `nodeLogs.containersDir=${runtime.logDir}/containers`];
      return { runtime, settings: logs, close: () => runtime.close() };
    },
    terminals: false,
    capabilities: yes({ entrypoint: false }),
  });
});

afterAll(async () => await subject?.close());

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'podhand-node-'));
  pod = await subject.pod();
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function start(...args: string[]): Started {
  const where = ['--socket', join(subject.runDir, 'admin.sock'), '--pod', pod.uid];
  return podhand([...where, ...args], { cwd: directory });
}

async function run(...args: string[]): Promise<Run> {
  return await start(...args).done;
}

async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return stdout.toString();
}

test('info and ps say what is there', async () => {
  await subject.sh(pod, 'main', 'exec sleep 600');
  expect(JSON.parse(await printed('info', '-o', 'json'))).toMatchObject({
    executor: 'pns',
    pod: { uid: pod.uid, name: pod.name },
  });
  expect(await printed('info')).toMatch(/\nentrypoint +no +\S/);
  expect(await printed('ps')).toMatch(/\nmain +[0-9a-f]{12} +Regular +Running +- /);
});

test('a container that does not exist, a file that does not', async () => {
  await subject.sh(pod, 'main', 'exec sleep 600');
  const unknown = await run('logs', 'other');
  expect([unknown.code, unknown.stderr.includes('(CONTAINER_NOT_FOUND)')]).toEqual([64, true]);
  const missing = await run('cat', 'main:/none');
  expect([missing.code, missing.stderr.includes('(FILE_NOT_FOUND)'), missing.stdout.length]).toEqual([64, true, 0]);
  const directoryAsFile = await run('cat', 'main:/tmp');
  expect(directoryAsFile.stderr).toContain('(NOT_A_REGULAR_FILE)');
});

test('logs and wait go on over a restart of the agent: every line once, the exit code right', async () => {
  await subject.sh(pod, 'main', 'i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); sleep 0.01; done; exit 7');
  const logs = start('logs', '-f', 'main');
  const wait = start('wait', 'main', '--exit-code');
  await wait.said('main: Running');
  await subject.restartAgent();
  const [followed, waited] = await Promise.all([logs.done, wait.done]);
  expect(followed.code).toBe(0);
  expect(followed.stdout.toString()).toBe(Array.from({ length: 300 }, (_, index) => `line ${index}\n`).join(''));
  expect(waited.code).toBe(7);
  expect(waited.stdout.toString()).toMatch(/\nmain +7 +Error /);
});

test('stdout and stderr apart, the tail, and the time before each line', async () => {
  const main = await subject.sh(pod, 'main', 'echo one; sleep 0.3; echo two >&2; sleep 0.3; echo three');
  await main.exited();
  await printed('wait', 'main', '--until-known');
  const both = await run('logs', 'main');
  expect([both.stdout.toString(), both.stderr]).toEqual(['one\nthree\n', 'two\n']);
  expect((await run('logs', 'main', '--tail', '1')).stdout.toString()).toBe('three\n');
  expect((await run('logs', 'main', '--stream', 'stderr')).stderr).toBe('two\n');
  expect((await run('logs', 'main', '-t', '--tail', '1')).stdout.toString()).toMatch(/^\d{4}-\d\d-\d\dT\S+ three\n$/);
});

const makeTree = `
mkdir -p DIR/deep/deeper DIR/empty
echo content > DIR/deep/deeper/file
ln -s deep/deeper/file DIR/link
ln -s /etc/passwd DIR/absolute
ln DIR/deep/deeper/file DIR/hard
printf x > "$(printf 'DIR/bytes\\377\\376')"
printf x > "$(printf 'DIR/new\\nline')"
printf '#!/bin/sh\\n' > DIR/run; chmod 755 DIR/run
dd if=/dev/zero of=DIR/sparse bs=1 count=1 seek=10000000000 2>/dev/null
head -c 1000000 /dev/zero > DIR/zeros
mkfifo DIR/fifo
`;

test('cp brings a tree out of a container that has ended, as it was', async () => {
  const main = await subject.sh(pod, 'main', makeTree.replaceAll('DIR', '/tmp/tree'));
  await main.exited();
  const expected = join(directory, 'expected');
  mkdirSync(expected);
  execFileSync('sh', ['-c', makeTree.replaceAll('DIR', expected)]);
  rmSync(join(expected, 'fifo'));
  const { code, stderr } = await run('cp', 'main:/tmp/tree', 'tree');
  expect([code, stderr]).toEqual([0, expect.stringContaining('left out: 1 fifos')]);
  const tree = join(directory, 'tree');
  rmSync(join(expected, 'sparse'));
  const { size, blocks } = statSync(join(tree, 'sparse'));
  expect([size, blocks < 1000]).toEqual([10_000_000_001, true]);
  rmSync(join(tree, 'sparse'));
  execFileSync('diff', ['-r', '--no-dereference', expected, tree]);
  expect(statSync(join(tree, 'run')).mode & 0o777).toBe(0o755);
  expect(statSync(join(tree, 'hard')).ino).toBe(statSync(join(tree, 'deep/deeper/file')).ino);
  await printed('cp', 'main:/tmp/tree/run', '.');
  expect(readFileSync(join(directory, 'run'), 'utf8')).toBe('#!/bin/sh\n');
  expect(await printed('cat', '-c', 'main', '/tmp/tree/run')).toBe('#!/bin/sh\n');
});

test.each(['tar', 'tgz', 'zst'])('cp --format %s is an archive that tar reads', async (format) => {
  const main = await subject.sh(pod, 'main', 'mkdir /tmp/out; echo a > /tmp/out/a; sleep 1');
  await main.exited();
  await printed('cp', 'main:/tmp/out', `out.${format}`, '--format', format);
  const listed = execFileSync('tar', ['-t', '-f', join(directory, `out.${format}`)], { encoding: 'utf8' });
  expect(listed.split('\n').map((line) => line.replace(/\/$/, ''))).toEqual(['out', 'out/a', '']);
});

test('kill stops what ignores TERM, and says what it took', async () => {
  await subject.sh(pod, 'main', "trap '' TERM; while :; do sleep 0.1; done");
  const json = JSON.parse(await printed('kill', 'main', '--grace-period', '300ms', '-o', 'json'));
  expect(json.outcomes[0]).toMatchObject({
    container: 'main',
    result: 'KILL_RESULT_FORCED',
    finalRecord: { exitCode: 137 },
  });
  expect(await printed('kill', 'main')).toMatch(/\nmain +already gone /);
});

test('stats have figures of a container that works', async () => {
  await subject.sh(pod, 'main', 'while :; do :; done');
  const { stats } = JSON.parse(await printed('stats', 'main', '-o', 'json'));
  expect(stats[0]).toMatchObject({
    container: 'main',
    cpuCores: expect.any(Number),
    processes: [{ pid: expect.any(Number) }],
  });
  expect(await printed('top')).toMatch(/\nCONTAINER +PID +CPU +MEMORY +COMMAND\nmain /);
});

test('collect in the pod itself, with nothing but its socket', async () => {
  const outputs = await pod.volumeDir('outputs');
  writeFileSync(
    join(outputs, 'spec.yaml'),
    `
    containers: [main]
    sidecars: [proxy]
    gracePeriod: 500ms
    result: {container: main}
    parameters: [{name: n, container: main, path: /tmp/n}]
    artifacts:
      - {name: saved, container: main, path: /tmp/tree, destination: /outputs/tree.tgz}
      - {name: received, container: main, path: /tmp/tree, format: raw, destination: /tmp/tree}
    logs: [{container: main}, {container: proxy}]`,
  );
  await subject.sh(pod, 'proxy', "trap '' TERM; echo proxying; while :; do sleep 0.1; done");
  const collect = await pod.run({
    name: 'collect',
    image: 'node',
    command: [
      '/usr/bin/node',
      '/podhand/bin/podhand',
      'collect',
      '-f',
      '/outputs/spec.yaml',
      '--output-dir',
      '/outputs',
    ],
    volumes: [{ volume: 'outputs', mountPath: '/outputs' }],
    socketDir: true,
    checkout: true,
  });
  await subject.sh(
    pod,
    'main',
    'echo working; echo 42 > /tmp/n; mkdir /tmp/tree; echo a > /tmp/tree/a; echo done; exit 3',
  );
  expect(await collect.exited()).toEqual({ exitCode: 0 });
  await eventually(async () => JSON.parse(readFileSync(join(outputs, 'outputs.json'), 'utf8')).complete);
  expect(JSON.parse(readFileSync(join(outputs, 'outputs.json'), 'utf8'))).toMatchObject({
    phase: 'Failed',
    containers: [{ container: 'main', exitCode: 3 }],
    result: { value: 'working\ndone' },
    parameters: [{ name: 'n', value: '42' }],
    artifacts: [
      { name: 'saved', status: 'saved', entries: 2, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      { name: 'received', status: 'saved' },
    ],
    logs: [
      { container: 'main', complete: true },
      { container: 'proxy', complete: true, bytes: 9 },
    ],
    sidecars: [{ container: 'proxy', result: 'KILL_RESULT_FORCED' }],
    errors: [],
  });
  expect(execFileSync('tar', ['-tzf', join(outputs, 'tree.tgz')], { encoding: 'utf8' })).toBe('tree/\ntree/a\n');
});
