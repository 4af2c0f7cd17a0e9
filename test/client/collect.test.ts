import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Outputs } from '../../src/client/collect/outputs.ts';
import { PodhandError, type Reason } from '../../src/wire/errors.ts';
import { podhand, type Run, type Started } from './command-line.ts';
import { type Handlers, ScriptedAgent, statusOf } from './scripted-agent.ts';
import { archive, entry } from './tar-archives.ts';

let agent: ScriptedAgent;
/** What the agent was asked to do, in order. */
let calls: string[];

beforeEach(() => {
  agent = new ScriptedAgent();
  calls = [];
});

afterEach(() => {
  agent[Symbol.dispose]();
});

type Answer = (error: object | null, response?: object) => void;
interface Streaming {
  request: {
    container: string;
    path: Buffer;
    destination: Buffer;
    containers: string[];
    follow: boolean;
    stream: string;
    cursor: Buffer;
  };
  write(message: object): void;
  end(): void;
  emit(name: 'error', error: object): void;
}

const record = { container: 'main', containerId: 'a'.repeat(64), restartCount: 0, exitKnown: true, exitCode: 0 };
const file = archive(entry({ name: 'out', content: 'hello' }));

interface Pod {
  readonly exitCode?: number;
  readonly stdout?: Buffer;
  readonly files?: Readonly<Record<string, Buffer | Reason>>;
  readonly saves?: Reason;
  readonly logs?: Reason;
  /** It has ended only when this resolves. */
  readonly ended?: Promise<void>;
}

/** An agent whose one pod has a main container that ended as given. */
function serving(pod: Pod = {}): Handlers {
  const final = { ...record, exitCode: pod.exitCode ?? 0 };
  const running = { name: 'main', containerId: record.containerId, state: 'CONTAINER_STATE_RUNNING' };
  const fail = (call: Streaming, reason: Reason): void => {
    call.emit('error', statusOf(new PodhandError(reason, `it is ${reason}`)));
  };
  return {
    GetInfo: (_call: unknown, answer: Answer) =>
      answer(null, { executor: 'pns', pod: { uid: 'u', namespace: 'n', name: 'p' } }),
    ListContainers: (_call: unknown, answer: Answer) =>
      answer(null, { containers: [{ ...running, state: 'CONTAINER_STATE_EXITED', finalRecord: final }] }),
    Wait: async (call: Streaming) => {
      calls.push(`wait ${call.request.containers}`);
      call.write({ changed: running });
      await pod.ended;
      call.write({ result: { records: [final] } });
      call.end();
    },
    StreamLogs: async (call: Streaming) => {
      const { follow, stream, cursor } = call.request;
      if (stream === 'LOG_STREAM_STDOUT') calls.push(`result ${stream}`);
      else if (cursor.length === 0) {
        call.write({ chunk: { stream: 'LOG_STREAM_STDERR', data: Buffer.from('both\n'), cursor: Buffer.from('1') } });
      }
      if (follow) await pod.ended;
      if (pod.logs !== undefined) return fail(call, pod.logs);
      const data = pod.stdout ?? Buffer.from('out\n');
      for (let start = 0; start < data.length; start += 65_536) {
        call.write({
          chunk: { stream: 'LOG_STREAM_STDOUT', data: data.subarray(start, start + 65_536), cursor: Buffer.from('2') },
        });
      }
      call.write({ end: {} });
      call.end();
    },
    ReadFile: (call: Streaming) => {
      calls.push(`read ${call.request.path}`);
      const content = pod.files?.[call.request.path.toString()] ?? 'FILE_NOT_FOUND';
      if (typeof content === 'string') return fail(call, content);
      call.write({ chunk: content });
      call.end();
    },
    SaveArtifact: (call: Streaming) => {
      calls.push(`save ${call.request.path}`);
      const content = pod.files?.[call.request.path.toString()] ?? 'FILE_NOT_FOUND';
      if (pod.saves !== undefined) return fail(call, pod.saves);
      if (typeof content === 'string') return fail(call, content);
      writeFileSync(call.request.destination, content);
      call.write({
        result: { size: content.length, contentBytes: content.length, entries: 1, sha256: Buffer.from([0xab]) },
      });
      call.end();
    },
    CollectArtifact: (call: Streaming) => {
      calls.push(`collect ${call.request.path}`);
      call.write({ chunk: file });
      call.write({ trailer: { size: file.length, entries: 1, sha256: createHash('sha256').update(file).digest() } });
      call.end();
    },
    Kill: (call: { request: { containers: string[] } }, answer: Answer) => {
      calls.push(`kill ${call.request.containers}`);
      // What was taken is on the disk before the sidecars are stopped.
      const early = outputs();
      calls.push(`outputs complete: ${early.complete}`);
      answer(null, {
        outcomes: call.request.containers.map((container) => ({
          container,
          result: 'KILL_RESULT_FORCED',
          signals: ['TERM', 'KILL'],
        })),
      });
    },
  };
}

function start(spec: string, ...more: string[]): Started {
  writeFileSync(join(agent.directory, 'spec.yaml'), spec);
  const args = ['--socket', agent.socketPath, 'collect', '-f', 'spec.yaml', '--output-dir', 'outputs', ...more];
  return podhand(args, { cwd: agent.directory });
}

function collect(spec: string, ...more: string[]): Promise<Run> {
  return start(spec, ...more).done;
}

function outputs(): Outputs {
  return JSON.parse(readFileSync(join(agent.directory, 'outputs/outputs.json'), 'utf8'));
}

const whole = `
containers: [main]
sidecars: [proxy]
result: {container: main}
parameters:
  - {name: there, container: main, path: /tmp/n}
  - {name: absent, container: main, path: /tmp/none, default: "0"}
artifacts:
  - {name: a, container: main, path: /tmp/out, format: raw, destination: sub/a}
  - {name: maybe, container: main, path: /tmp/none, optional: true}
logs: [{container: main}]
`;

test('the whole job, in its order', async () => {
  await agent.start(serving({ files: { '/tmp/n': Buffer.from('42\n'), '/tmp/out': Buffer.from('saved') } }));
  const { code, stdout } = await collect(whole, '-o', 'json');
  expect(code).toBe(0);
  expect(calls).toEqual([
    'wait main',
    'result LOG_STREAM_STDOUT',
    'read /tmp/n',
    'read /tmp/none',
    'save /tmp/out',
    'save /tmp/none',
    'kill proxy',
    'outputs complete: false',
  ]);
  const written = outputs();
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
  await agent.start(serving({ files }));
  await collect(whole);
  const first = outputs();
  calls = [];
  expect((await collect(whole)).code).toBe(0);
  expect(calls).toEqual([]);
  expect(outputs()).toEqual(first);
  await collect(whole.replace('/tmp/none, default', '/tmp/n, default'));
  expect(calls).toContain('wait main');
  agent.stop();
  calls = [];
  const again = serving({ files });
  again.ListContainers = (_call: unknown, answer: Answer) =>
    answer(null, { containers: [{ ...record, name: 'main', restartCount: 1 }] });
  await agent.start(again);
  await collect(whole.replace('/tmp/none, default', '/tmp/n, default'));
  expect(calls).toContain('wait main');
});

test('a run after one that was killed before its end takes everything again', async () => {
  await agent.start(serving({ files: { '/tmp/n': Buffer.from('1'), '/tmp/out': Buffer.from('x') } }));
  mkdirSync(join(agent.directory, 'outputs/logs'), { recursive: true });
  writeFileSync(join(agent.directory, 'outputs/outputs.json'), '{"version":1,"complete":false}');
  writeFileSync(join(agent.directory, 'outputs/logs/main.log'), 'half of a line that an earlier run wrote');
  expect((await collect(whole)).code).toBe(0);
  expect(outputs().complete).toBe(true);
  expect(readFileSync(join(agent.directory, 'outputs/logs/main.log'), 'utf8')).toBe('both\nout\n');
});

test('a container that fails is not podhand’s failure, nor is what it did not write', async () => {
  await agent.start(serving({ exitCode: 3 }));
  const spec = `
    parameters: [{name: n, container: main, path: /tmp/n}]
    artifacts:
      - {name: a, container: main, path: /tmp/out}
      - {name: b, container: main, path: /tmp/out, when: success}`;
  expect((await collect(spec)).code).toBe(0);
  expect(outputs()).toMatchObject({
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
  await agent.start(serving({ files, logs: 'LOG_LOST' }));
  const spec = `
    result: {container: main}
    logs: [{container: main}]
    parameters: [{name: n, container: main, path: /n}]
    artifacts:
      - {name: a, container: main, path: /a, optional: true}
      - {name: b, container: main, path: /b}
      - {name: c, container: main, path: /c}`;
  const { code, stderr } = await collect(spec);
  expect(code).toBe(64);
  expect(stderr).toContain('artifact b: it is PERMISSION_DENIED');
  expect(outputs()).toMatchObject({
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
    await agent.start(serving({ saves }));
    const spec = `
      artifacts:
        - {name: a, container: main, path: /tmp/out, format: tar, destination: a.tar}
        - {name: b, container: main, path: /tmp/out, format: raw, destination: b}`;
    expect((await collect(spec)).code).toBe(0);
    expect(readFileSync(join(agent.directory, 'outputs/a.tar'))).toEqual(file);
    expect(readFileSync(join(agent.directory, 'outputs/b'), 'utf8')).toBe('hello');
    expect(readdirSync(join(agent.directory, 'outputs')).sort()).toEqual(['a.tar', 'b', 'outputs.json']);
  },
);

const multibyte = Buffer.from('€'.repeat(100_000));
test.each([
  ['nothing', Buffer.alloc(0), { value: '', bytes: 0, truncated: false }],
  ['one newline at the end is left out', Buffer.from('a\n\n'), { value: 'a\n', bytes: 2 }],
  ['the last 256 KiB', Buffer.from(`${'x'.repeat(300_000)}\n`), { value: 'x'.repeat(262_143), truncated: true }],
  ['exactly 256 KiB', Buffer.alloc(262_144, 'y'), { bytes: 262_144, truncated: false }],
  ['a character is not cut in half', multibyte, { value: '€'.repeat(87_381), encoding: 'utf-8', truncated: true }],
  ['bytes that are no text', Buffer.from([0xff, 0x00]), { value: '/wA=', encoding: 'base64', bytes: 2 }],
])('the result: %s', async (_name, stdout, result) => {
  await agent.start(serving({ stdout }));
  expect((await collect('result: {container: main}')).code).toBe(0);
  expect(outputs().result).toMatchObject(result);
});

test('SIGTERM: stop waiting, save now, leave the sidecars to the containers that still run', async () => {
  await agent.start(
    serving({
      ended: new Promise(() => undefined),
      files: { '/tmp/n': Buffer.from('1'), '/tmp/out': Buffer.from('x') },
    }),
  );
  const started = start(whole);
  await started.said('main: Running');
  started.child.kill('SIGTERM');
  const { code, stderr } = await started.done;
  expect([code, stderr.includes('saving what is there')]).toEqual([0, true]);
  expect(calls.some((call) => call.startsWith('kill'))).toBe(false);
  expect(outputs()).toMatchObject({
    complete: true,
    phase: 'Interrupted',
    containers: [],
    unfinished: ['main'],
    parameters: [{ source: 'file', value: '1' }, { source: 'default' }],
    logs: [{ complete: false, bytes: 9, reason: 'CANCELLED' }],
  });
});

test('SIGINT ends it without outputs', async () => {
  await agent.start(serving({ ended: new Promise(() => undefined) }));
  const started = start(whole);
  await started.said('main: Running');
  started.child.kill('SIGINT');
  expect((await started.done).code).toBe(130);
  expect(existsSync(join(agent.directory, 'outputs/outputs.json'))).toBe(false);
});

test('the deadline: saves what is there, and is an error', async () => {
  await agent.start(serving({ ended: new Promise(() => undefined) }));
  const { code } = await collect('containers: [main]\ndeadline: 200ms\nresult: {container: main}');
  expect(code).toBe(64);
  expect(outputs()).toMatchObject({
    phase: 'Error',
    unfinished: ['main'],
    result: { value: 'out' },
    errors: [{ subject: 'wait', reason: 'DEADLINE_EXCEEDED', message: 'not ended after 200ms: main' }],
  });
});

test('an agent that restarts meanwhile is no event', async () => {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const cursors: string[] = [];
  const files = { '/tmp/n': Buffer.from('1'), '/tmp/out': Buffer.from('x') };
  await agent.start(serving({ files, ended: new Promise(() => undefined) }));
  const started = start(whole);
  const log = join(agent.directory, 'outputs/logs/main.log');
  while (!existsSync(log) || readFileSync(log, 'utf8') !== 'both\n') await sleep(10);
  agent.stop();
  await started.said('agent unreachable');
  const after = serving({ files, ended });
  await agent.start({
    ...after,
    StreamLogs: (call: Streaming) => {
      cursors.push(call.request.cursor.toString());
      call.write({ chunk: { stream: 'LOG_STREAM_STDOUT', data: Buffer.from('rest\n'), cursor: Buffer.from('2') } });
      call.write({ end: {} });
      call.end();
    },
  });
  end();
  expect((await started.done).code).toBe(0);
  expect(outputs().phase).toBe('Succeeded');
  expect(cursors[0]).toBe('1');
  expect(readFileSync(log, 'utf8')).toBe('both\nrest\n');
});

test('a spec that is not right is told before anything is done', async () => {
  const { code, stderr } = await collect('contaners: [main]', '--check');
  expect(code).toBe(64);
  expect(stderr).toContain('did you mean "containers"?');
  expect((await collect('containers: [main]', '--check')).code).toBe(0);
});

test('outputs.json that cannot be written is a failure', async () => {
  await agent.start(serving());
  mkdirSync(join(agent.directory, 'outputs/outputs.json'), { recursive: true });
  const { code, stderr } = await collect('containers: [main]');
  expect([code, stderr.includes('EISDIR')]).toEqual([64, true]);
});
