import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CollectedAgent, file, type Pod, record, whole } from './collected-agent.ts';
import type { Answer } from './scripted-agent.ts';

let agent: CollectedAgent;

beforeEach(() => {
  agent = new CollectedAgent();
});

afterEach(() => {
  agent[Symbol.dispose]();
});

test('the whole job, in its order', async () => {
  await agent.serve({ files: { '/tmp/n': Buffer.from('42\n'), '/tmp/out': Buffer.from('saved') } });
  const { code, stdout } = await agent.collect(whole, '-o', 'json');
  expect(code).toBe(0);
  expect(agent.calls).toEqual([
    'wait main',
    'result LOG_STREAM_STDOUT',
    'read /tmp/n',
    'read /tmp/none',
    'save /tmp/out',
    'save /tmp/none',
    'kill proxy',
    'outputs complete: false',
  ]);
  const written = agent.outputs();
  expect(JSON.parse(stdout.toString())).toEqual(written);
  expect(written).toMatchObject({
    complete: true,
    phase: 'Succeeded',
    executor: 'pns',
    pod: { namespace: 'n', name: 'p' },
    containers: [{ container: 'main', exitCode: 0 }],
    result: { value: 'out', encoding: 'utf-8', truncated: false },
    parameters: [
      { name: 'there', source: 'file', value: '42' },
      { name: 'absent', source: 'default', value: '0', reason: 'FILE_NOT_FOUND' },
    ],
    artifacts: [
      { name: 'a', status: 'saved', size: 5, sha256: 'ab', destination: join(agent.directory, 'outputs/sub/a') },
      { name: 'maybe', status: 'missing', reason: 'FILE_NOT_FOUND' },
    ],
    logs: [{ container: 'main', bytes: 9, complete: true }],
    sidecars: [{ container: 'proxy', signals: ['TERM', 'KILL'] }],
    errors: [],
  });
  expect(readFileSync(join(agent.directory, 'outputs/logs/main.log'), 'utf8')).toBe('both\nout\n');
  expect(readFileSync(join(agent.directory, 'outputs/sub/a'), 'utf8')).toBe('saved');
});

test('a run after a finished one takes nothing again; another spec or attempt does', async () => {
  const files = { '/tmp/n': Buffer.from('42\n'), '/tmp/out': Buffer.from('saved') };
  await agent.serve({ files });
  await agent.collect(whole);
  const first = agent.outputs();
  agent.calls = [];
  expect((await agent.collect(whole)).code).toBe(0);
  expect(agent.calls).toEqual([]);
  expect(agent.outputs()).toEqual(first);
  await agent.collect(whole.replace('/tmp/none, default', '/tmp/n, default'));
  expect(agent.calls).toContain('wait main');
  agent.stop();
  agent.calls = [];
  const again = agent.serving({ files });
  again.ListContainers = (_call: unknown, answer: Answer) =>
    answer(null, { containers: [{ ...record, name: 'main', restartCount: 1 }] });
  await agent.start(again);
  await agent.collect(whole.replace('/tmp/none, default', '/tmp/n, default'));
  expect(agent.calls).toContain('wait main');
});

test('a run after one that was killed before its end takes everything again', async () => {
  await agent.serve({ files: { '/tmp/n': Buffer.from('1'), '/tmp/out': Buffer.from('x') } });
  mkdirSync(join(agent.directory, 'outputs/logs'), { recursive: true });
  writeFileSync(join(agent.directory, 'outputs/outputs.json'), '{"version":1,"complete":false}');
  writeFileSync(join(agent.directory, 'outputs/logs/main.log'), 'half of a line that an earlier run wrote');
  expect((await agent.collect(whole)).code).toBe(0);
  expect(agent.outputs().complete).toBe(true);
  expect(readFileSync(join(agent.directory, 'outputs/logs/main.log'), 'utf8')).toBe('both\nout\n');
});

test('a container that fails is not podhand’s failure, nor is what it did not write', async () => {
  await agent.serve({ exitCode: 3 });
  const spec = `
    parameters: [{name: n, container: main, path: /tmp/n}]
    artifacts:
      - {name: a, container: main, path: /tmp/out}
      - {name: b, container: main, path: /tmp/out, when: success}`;
  expect((await agent.collect(spec)).code).toBe(0);
  expect(agent.outputs()).toMatchObject({
    phase: 'Failed',
    artifacts: [{ status: 'missing' }, { name: 'b', status: 'skipped' }],
    parameters: [{ source: 'missing' }],
    errors: [
      { subject: 'parameter n', reason: 'FILE_NOT_FOUND', excused: true },
      { subject: 'artifact a', reason: 'FILE_NOT_FOUND', excused: true },
    ],
  });
});

test('what podhand fails at: all is tried, all is told, 64', async () => {
  const files: Pod['files'] = { '/a': 'TREE_TOO_LARGE', '/b': 'PERMISSION_DENIED', '/c': Buffer.from('c') };
  await agent.serve({ files, logs: 'LOG_LOST' });
  const spec = `
    result: {container: main}
    logs: [{container: main}]
    parameters: [{name: n, container: main, path: /n}]
    artifacts:
      - {name: a, container: main, path: /a, optional: true}
      - {name: b, container: main, path: /b}
      - {name: c, container: main, path: /c}`;
  const { code, stderr } = await agent.collect(spec);
  expect(code).toBe(64);
  expect(stderr).toContain('artifact b: it is PERMISSION_DENIED');
  expect(agent.outputs()).toMatchObject({
    phase: 'Error',
    artifacts: [{ status: 'failed' }, { status: 'failed' }, { status: 'saved' }],
    logs: [{ complete: false, reason: 'LOG_LOST', bytes: 5 }],
    errors: [
      { subject: 'result', reason: 'LOG_LOST', excused: false },
      { subject: 'parameter n', reason: 'FILE_NOT_FOUND', excused: false },
      { subject: 'artifact a', reason: 'TREE_TOO_LARGE' },
      { subject: 'artifact b', reason: 'PERMISSION_DENIED' },
      { subject: 'log main', reason: 'LOG_LOST' },
    ],
  });
});

test.each(['DESTINATION_NOT_A_VOLUME', 'NO_CALLER_CONTAINER'] as const)(
  '%s: the artifact is received and written here',
  async (saves) => {
    await agent.serve({ saves });
    const spec = `
      artifacts:
        - {name: a, container: main, path: /tmp/out, format: tar, destination: a.tar}
        - {name: b, container: main, path: /tmp/out, format: raw, destination: b}`;
    expect((await agent.collect(spec)).code).toBe(0);
    expect(readFileSync(join(agent.directory, 'outputs/a.tar'))).toEqual(file);
    expect(readFileSync(join(agent.directory, 'outputs/b'), 'utf8')).toBe('hello');
    expect(readdirSync(join(agent.directory, 'outputs')).sort()).toEqual(['a.tar', 'b', 'outputs.json']);
  },
);

test('a spec that is not right is told before anything is done', async () => {
  const { code, stderr } = await agent.collect('contaners: [main]', '--check');
  expect(code).toBe(64);
  expect(stderr).toContain('did you mean "containers"?');
  expect((await agent.collect('containers: [main]', '--check')).code).toBe(0);
});

test('outputs.json that cannot be written is a failure', async () => {
  await agent.serve();
  mkdirSync(join(agent.directory, 'outputs/outputs.json'), { recursive: true });
  const { code, stderr } = await agent.collect('containers: [main]');
  expect([code, stderr.includes('EISDIR')]).toEqual([64, true]);
});

const multibyte = Buffer.from('€'.repeat(100_000));
test.each([
  ['nothing', Buffer.alloc(0), { value: '', bytes: 0, truncated: false }],
  ['one newline at the end is left out', Buffer.from('a\n\n'), { value: 'a\n', bytes: 2 }],
  ['the last 256 KiB', Buffer.from(`${'x'.repeat(300_000)}\n`), { value: 'x'.repeat(262_143), truncated: true }],
  ['exactly 256 KiB', Buffer.alloc(262_144, 'y'), { bytes: 262_144, truncated: false }],
  ['a character is not cut in half', multibyte, { value: '€'.repeat(87_381), encoding: 'utf-8', truncated: true }],
  ['bytes that are no text', Buffer.from([0xff, 0x00]), { value: '/wA=', encoding: 'base64', bytes: 2 }],
])('the result: %s', async (_name, stdout, result) => {
  await agent.serve({ stdout });
  expect((await agent.collect('result: {container: main}')).code).toBe(0);
  expect(agent.outputs().result).toMatchObject(result);
});
