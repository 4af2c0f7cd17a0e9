import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PodhandError } from '../../src/wire/errors.ts';
import { podhand, type Run } from './command-line.ts';
import { type Handlers, ScriptedAgent, statusOf, writeAll } from './scripted-agent.ts';
import { archive, entry } from './tar-archives.ts';

let agent: ScriptedAgent;

beforeEach(() => {
  agent = new ScriptedAgent();
});

afterEach(() => {
  agent[Symbol.dispose]();
});

function run(...args: string[]): Promise<Run> {
  return podhand(['--socket', agent.socketPath, ...args], { cwd: agent.directory }).done;
}

type Answer = (error: object | null, response?: object) => void;
interface Streaming {
  request: Record<string, unknown>;
  write(message: object): void;
  end(): void;
}

function stream(...messages: object[]): (call: Streaming) => void {
  return (call) => {
    for (const message of messages) call.write(message);
    call.end();
  };
}

const commands = [
  'info',
  'init',
  'health',
  'ps',
  'stats',
  'top',
  'entrypoint',
  'wait',
  'kill',
  'logs',
  'cat',
  'cp',
  'save',
  'collect',
];

test.each(commands)('podhand %s --help has examples and the global options', async (command) => {
  const { code, stdout, stderr } = await run(command, '--help');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.toString()).toMatch(/Examples:\n {2}podhand /);
  expect(stdout.toString()).toContain('--socket');
});

test('podhand --help names every command', async () => {
  const help = (await run('--help')).stdout.toString();
  for (const command of [...commands, 'agent', 'completion']) expect(help).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
});

test.each([
  [['inof'], 'Did you mean info?'],
  [['ps', '--outputt', 'json'], "unknown option '--outputt'"],
  [['ps', '-o', 'xml'], 'Allowed choices are table, json, yaml'],
  [['wait', '--timeout', '10'], 'a duration looks like'],
  [['logs', 'main', '--tail', '-1'], 'a whole number'],
  [['logs', 'main', '--since', 'yesterday'], 'a time looks like'],
  [['logs'], 'name a container'],
  [['kill'], "missing required argument 'container'"],
  [['cat', 'main'], 'is no CONTAINER:PATH'],
  [['collect'], '--filename'],
  [['entrypoint'], 'name an image'],
])('a wrong command line, %j, ends with 64 and one line', async (args, words) => {
  const { code, stdout, stderr } = await run(...args);
  expect(code).toBe(64);
  expect(stdout.toString()).toBe('');
  expect(stderr).toMatch(/^podhand: .* \(INVALID_REQUEST\)\n(hint: .*\n)?$/);
  expect(stderr).toContain(words);
});

test('without a command the help is on stderr', async () => {
  const { code, stdout, stderr } = await run();
  expect([code, stdout.length]).toEqual([64, 0]);
  expect(stderr).toContain('Usage: podhand');
});

test('an unreachable agent: 64, where, since when, and what to do', async () => {
  const { code, stderr } = await run('ps', '--retry-for', '100ms');
  expect(code).toBe(64);
  expect(stderr).toMatch(/podhand: agent unreachable at .* since .*Z \(AGENT_UNREACHABLE\)\nhint: /);
});

test('a failure as JSON is one line on stderr', async () => {
  const given = new PodhandError('CONTAINER_NOT_FOUND', 'no container "x"', { details: { container: 'x' } });
  await agent.start({
    ReadFile: (call: { emit: (name: string, error: object) => void }) => call.emit('error', statusOf(given)),
  });
  const { code, stdout, stderr } = await run('cat', 'x:/f', '-o', 'json');
  expect([code, stdout.length, stderr.trim().split('\n').length]).toEqual([64, 0, 1]);
  expect(JSON.parse(stderr)).toMatchObject({
    error: 'no container "x"',
    reason: 'CONTAINER_NOT_FOUND',
    code: 5,
    details: { container: 'x' },
  });
});

test('text of a container cannot steer the terminal or forge a line', async () => {
  const given = new PodhandError('FILE_NOT_FOUND', 'no file "a\u001b[2J\npodhand: fine"');
  await agent.start({
    ReadFile: (call: { emit: (name: string, error: object) => void }) => call.emit('error', statusOf(given)),
  });
  expect((await run('cat', 'x:/f')).stderr).toContain('no file "a\\x1b[2J\\x0apodhand: fine" (FILE_NOT_FOUND)\n');
});

const containers = {
  containers: [
    {
      name: 'main',
      containerId: 'a'.repeat(64),
      image: 'busybox:latest',
      kind: 'CONTAINER_KIND_REGULAR',
      state: 'CONTAINER_STATE_EXITED',
      restartCount: 2,
      startedAt: { seconds: 1_700_000_000, nanos: 5e8 },
      finalRecord: { container: 'main', exitKnown: true, exitCode: 137, signal: 9, usage: { peakMemoryBytes: 1024 } },
    },
  ],
};

test('ps: a table, JSON with the keys of the contract, YAML', async () => {
  await agent.start({ ListContainers: (_call: unknown, answer: Answer) => answer(null, containers) });
  const table = (await run('ps')).stdout.toString();
  expect(table).toMatch(/^NAME +ID +KIND +STATE +EXIT +REASON +RESTARTS +AGE +IMAGE\n/);
  expect(table).toMatch(/\nmain +a{12} +Regular +Exited +137 \(signal 9\) +- +2 +\d+d +busybox:latest\n$/);
  const [container] = JSON.parse((await run('ps', '-o', 'json')).stdout.toString()).containers;
  expect(container).toMatchObject({
    restartCount: 2,
    startedAt: '2023-11-14T22:13:20.5Z',
    finalRecord: { exitCode: 137 },
  });
  expect(container.finalRecord.usage).toEqual({ peakMemoryBytes: 1024 });
  expect(container).not.toHaveProperty('createdAt');
  expect((await run('ps', '-o', 'yaml')).stdout.toString()).toContain('    startedAt: 2023-11-14T22:13:20.5Z\n');
});

test.each([
  ['one that failed', [{ exitKnown: true, exitCode: 3 }], 3],
  [
    'the first of several that failed',
    [{ exitKnown: true }, { exitKnown: true, exitCode: 7 }, { exitKnown: true, exitCode: 9 }],
    7,
  ],
  ['all well', [{ exitKnown: true }], 0],
  ['one that is not known', [{ exitKnown: true, exitCode: 3 }, { exitKnown: false }], 64],
])('wait --exit-code: %s', async (_name, records, code) => {
  const named = records.map((record, index) => ({ container: `c${index}`, ...record }));
  await agent.start({ Wait: stream({ result: { records: named } }) });
  expect((await run('wait', '--exit-code')).code).toBe(code);
  expect((await run('wait')).code).toBe(0);
});

test('logs: stdout to stdout, stderr to stderr, byte for byte; the request says what was asked', async () => {
  const bytes = Buffer.from([0xff, 0x00, 0x0a, 0x1b]);
  const requests: object[] = [];
  const serve = stream(
    { chunk: { stream: 'LOG_STREAM_STDOUT', data: bytes } },
    { chunk: { stream: 'LOG_STREAM_STDERR', data: Buffer.from('error\n') } },
    { end: {} },
  );
  await agent.start({
    StreamLogs: (call: Streaming) => {
      requests.push(call.request);
      serve(call);
    },
  });
  const { code, stdout, stderr } = await run(
    'logs',
    '-f',
    '--tail',
    '5',
    '-c',
    'main',
    '-t',
    '-p',
    '--stream',
    'stderr',
  );
  expect([code, stdout, stderr]).toEqual([0, bytes, 'error\n']);
  expect(requests[0]).toMatchObject({
    container: 'main',
    follow: true,
    tailLines: 5,
    timestamps: true,
    previous: true,
    stream: 'LOG_STREAM_STDERR',
  });
});

test('a reader that has seen enough is no failure', async () => {
  let written = 0;
  await agent.start({
    StreamLogs: async (call: Parameters<typeof writeAll>[0]) => {
      const chunk = { chunk: { stream: 'LOG_STREAM_STDOUT', data: Buffer.from('line\n'.repeat(10_000)) } };
      written = await writeAll(
        call,
        Array.from({ length: 5000 }, () => chunk),
      );
    },
  });
  const started = podhand(['--socket', agent.socketPath, 'logs', 'main']);
  started.child.stdout?.once('data', () => started.child.stdout?.destroy());
  const { code, stderr } = await started.done;
  expect([code, stderr]).toEqual([0, '']);
  expect(written).toBeLessThan(5000);
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends a command with %i and without a word', async (signal, code) => {
  let cancelled = false;
  let called: () => void = () => undefined;
  const calling = new Promise<void>((resolve) => {
    called = resolve;
  });
  await agent.start({
    Wait: (call: { once(name: string, listener: () => void): void }) => {
      call.once('cancelled', () => {
        cancelled = true;
      });
      called();
    },
  });
  const started = podhand(['--socket', agent.socketPath, 'wait', 'main']);
  await calling;
  started.child.kill(signal);
  const ended = await started.done;
  expect([ended.code, ended.stderr]).toEqual([code, '']);
  expect(cancelled).toBe(true);
});

test('--timeout ends a wait with DEADLINE_EXCEEDED', async () => {
  await agent.start({ Wait: () => undefined });
  const { code, stderr } = await run('wait', 'main', '--timeout', '300ms');
  expect(code).toBe(64);
  expect(stderr).toContain('(DEADLINE_EXCEEDED)');
});

test('the socket and the pod: option, environment, admin', async () => {
  const pods: unknown[] = [];
  await agent.start({
    GetInfo: (call: { metadata: { get(key: string): unknown[] } }, answer: Answer) => {
      pods.push(call.metadata.get('podhand-pod')[0]);
      answer(null, {
        agentVersion: '9.9',
        executor: 'pns',
        capabilities: [{ name: 'logs', supported: false, note: 'why' }],
      });
    },
  });
  const viaEnvironment = await podhand(['info'], { env: { PODHAND_SOCKET: agent.socketPath } }).done;
  expect(viaEnvironment.stdout.toString()).toMatch(/Executor: +pns\n.*logs +no +why\n/s);
  await run('--pod', 'default/job', 'info');
  expect(pods).toEqual([undefined, 'default/job']);
  const admin = await podhand(['info', '--admin', '--retry-for', '0', '-o', 'json'], {
    env: { PODHAND_SOCKET: agent.socketPath },
  }).done;
  expect(admin.code === 64 && JSON.parse(admin.stderr.trim().split('\n').at(-1) ?? '').error).toContain(
    '/run/podhand/admin.sock',
  );
});

test('kill: names, signal, grace period; a table of the outcomes', async () => {
  const requests: object[] = [];
  await agent.start({
    Kill: (call: { request: object }, answer: Answer) => {
      requests.push(call.request);
      const took = { seconds: 10, nanos: 2e8 };
      answer(null, {
        outcomes: [{ container: 'proxy', result: 'KILL_RESULT_FORCED', signals: ['TERM', 'KILL'], took }],
      });
    },
  });
  const { stdout } = await run('kill', 'proxy', '--signal', 'INT', '--grace-period', '10s');
  expect(stdout.toString()).toMatch(/^NAME .*\nproxy +forced +TERM,KILL +10.2s +-\n$/);
  expect(requests[0]).toMatchObject({ containers: ['proxy'], signal: 'INT', gracePeriod: { seconds: 10, nanos: 0 } });
  const json = JSON.parse((await run('kill', 'proxy', '--grace-period', '0', '-o', 'json')).stdout.toString());
  expect(json.outcomes[0]).toMatchObject({ result: 'KILL_RESULT_FORCED', took: '10.2s' });
  expect(requests[1]).toMatchObject({ signal: '', gracePeriod: { seconds: 0, nanos: 0 } });
});

test('entrypoint: an image, or a container, with words after --', async () => {
  const requests: object[] = [];
  await agent.start({
    ResolveEntrypoint: (call: { request: object }, answer: Answer) => {
      requests.push(call.request);
      answer(null, { image: 'busybox', argv: ['sh', '-c', 'a b'] });
    },
  });
  expect((await run('entrypoint', 'busybox', '--', '-x', 'y')).stdout.toString()).toContain('["sh","-c","a b"]');
  await run('entrypoint', '-c', 'main', '--command', 'sh', '--command', '-c', '--', 'echo');
  expect(requests).toMatchObject([
    { image: 'busybox', command: [], args: ['-x', 'y'] },
    { container: 'main', command: ['sh', '-c'], args: ['echo'] },
  ]);
});

test('stats and top in a pipe: the second sample, once', async () => {
  const sample = (cpuCores: number | undefined): object => ({
    stats: [
      {
        container: 'main',
        usage: { memoryBytes: 2048 },
        cpuCores,
        processes: [{ pid: 7, command: 'sh\u001b[2J', memoryBytes: 10 }],
      },
    ],
  });
  await agent.start({
    WatchStats: (call: Streaming) => [undefined, 0.5, 0.9].forEach((cores) => void call.write(sample(cores))),
  });
  expect((await run('stats')).stdout.toString()).toMatch(/\nmain +50.0% +- +2Ki /);
  expect((await run('top')).stdout.toString()).toMatch(/\nmain +7 +0.0% +10 +sh\\x1b\[2J\n$/);
  const [stats] = JSON.parse((await run('stats', '-o', 'json')).stdout.toString()).stats;
  expect(stats).toMatchObject({ cpuCores: 0.5, usage: { memoryBytes: 2048 } });
});

function artifact(bytes: Buffer, changes: { sha256?: Buffer; type?: string; trailer?: boolean } = {}): Handlers {
  const sha256 = changes.sha256 ?? createHash('sha256').update(bytes).digest();
  const messages: object[] = [
    { header: { info: { type: changes.type ?? 'FILE_TYPE_DIRECTORY', size: 1 } } },
    { chunk: bytes.subarray(0, 300) },
    { chunk: bytes.subarray(300) },
  ];
  if (changes.trailer !== false)
    messages.push({ trailer: { size: bytes.length, contentBytes: 5, entries: 2, sha256, skipped: { sockets: 1 } } });
  return { CollectArtifact: stream(...messages) };
}

const tree = archive(entry({ name: 'out/', type: '5' }), entry({ name: 'out/f', content: 'hello' }));
const file = archive(entry({ name: 'f', content: 'hello' }));

test('cp: a tree to a new place, and into a directory that exists', async () => {
  await agent.start(artifact(tree));
  const { code, stdout, stderr } = await run('cp', 'main:/tmp/out', './new');
  expect([code, stdout.toString()]).toEqual([0, '']);
  expect(stderr).toBe('podhand: ./new: 2 entries, 5; left out: 1 sockets\n');
  expect(readFileSync(join(agent.directory, 'new/f'), 'utf8')).toBe('hello');
  mkdirSync(join(agent.directory, 'there'));
  await run('cp', 'main:/tmp/out/', './there', '-q');
  expect(readFileSync(join(agent.directory, 'there/out/f'), 'utf8')).toBe('hello');
});

test('cp: a file replaces a file, or a link, and not what the link points to', async () => {
  await agent.start(artifact(file, { type: 'FILE_TYPE_REGULAR' }));
  writeFileSync(join(agent.directory, 'elsewhere'), 'mine');
  symlinkSync('elsewhere', join(agent.directory, 'f'));
  expect((await run('cp', '-c', 'main', '/tmp/f', 'f')).code).toBe(0);
  expect(readFileSync(join(agent.directory, 'f'), 'utf8')).toBe('hello');
  expect(readFileSync(join(agent.directory, 'elsewhere'), 'utf8')).toBe('mine');
});

test('cp: a directory is replaced only with --overwrite', async () => {
  await agent.start(artifact(tree));
  mkdirSync(join(agent.directory, 'd/out'), { recursive: true });
  writeFileSync(join(agent.directory, 'd/out/old'), '');
  const refused = await run('cp', 'main:/tmp/out', 'd');
  expect([refused.code, refused.stderr.includes('DESTINATION_EXISTS')]).toEqual([64, true]);
  expect(readdirSync(join(agent.directory, 'd/out'))).toEqual(['old']);
  expect((await run('cp', 'main:/tmp/out', 'd', '--overwrite')).code).toBe(0);
  expect(readdirSync(join(agent.directory, 'd/out'))).toEqual(['f']);
});

test.each([
  ['a wrong sha256', artifact(tree, { sha256: Buffer.alloc(32) })],
  ['no trailer', artifact(tree, { trailer: false })],
  ['an archive that wants out', artifact(archive(entry({ name: '../out', content: 'x' })))],
])('cp: nothing appears, and nothing is left, after %s', async (_name, handlers) => {
  await agent.start(handlers);
  const before = readdirSync(agent.directory);
  for (const args of [['new'], ['new.tar', '--format', 'tar']]) {
    if (args.length > 1 && _name.startsWith('an archive')) continue;
    expect((await run('cp', 'main:/tmp/out', ...args)).code).toBe(64);
    expect(readdirSync(agent.directory)).toEqual(before);
  }
});

test('cp: an archive to a file, or to stdout', async () => {
  await agent.start(artifact(tree));
  expect((await run('cp', 'main:/tmp/out', '.', '--format', 'tar')).code).toBe(0);
  expect(readFileSync(join(agent.directory, 'out.tar'))).toEqual(tree);
  expect((await run('cp', 'main:/tmp/out', '-')).stdout).toEqual(tree);
});

test('cp: a destination that cannot be', async () => {
  await agent.start(artifact(tree));
  const missing = await run('cp', 'main:/tmp/out', 'no/such/place');
  expect([missing.code, missing.stderr.includes('INVALID_REQUEST')]).toEqual([64, true]);
  expect((await run('cp', 'main:/tmp/out', 'no-such/')).code).toBe(64);
  expect((await run('cp', 'main:/', '.')).code).toBe(64);
  expect(existsSync(join(agent.directory, 'no'))).toBe(false);
});

test('save: the destination is made absolute, the bytes of a name stay', async () => {
  const requests: Record<string, unknown>[] = [];
  await agent.start({
    SaveArtifact: (call: Streaming) => {
      requests.push(call.request);
      stream({ progress: { bytes: 1 } }, { result: { size: 5, entries: 1, sha256: Buffer.from([1, 2]) } })(call);
    },
  });
  const { code, stdout } = await run(
    'save',
    'main:/tmp/x',
    'sub/x',
    '--format',
    'zst',
    '--level',
    '3',
    '--overwrite',
    '-o',
    'json',
  );
  expect([code, JSON.parse(stdout.toString())]).toMatchObject([0, { size: 5, sha256: '0102' }]);
  expect(requests[0]).toMatchObject({
    destination: Buffer.from(join(agent.directory, 'sub/x')),
    format: 'ARCHIVE_FORMAT_TAR_ZSTD',
    compressionLevel: 3,
    overwrite: true,
  });
});

test('an argument that is not UTF-8 reaches the agent as it was given', async () => {
  const paths: unknown[] = [];
  await agent.start({
    ReadFile: (call: Streaming) => {
      paths.push(call.request.path);
      call.end();
    },
  });
  const script = `exec "$0" bin/podhand --socket "$1" cat "$(printf 'main:/tmp/\\377\\376')"`;
  const child = podhandByShell(script);
  expect(await child).toBe(0);
  expect(paths).toEqual([Buffer.concat([Buffer.from('/tmp/'), Buffer.from([0xff, 0xfe])])]);
});

async function podhandByShell(script: string): Promise<number> {
  const { spawn } = await import('node:child_process');
  const child = spawn('sh', ['-c', script, process.execPath, agent.socketPath], { stdio: 'inherit', env: {} });
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? -1)));
}

test.each(['bash', 'zsh', 'fish'])(
  'completion for %s is a script; commands, options and containers are completed',
  async (shell) => {
    const script = (await run('completion', shell)).stdout;
    expect(script.toString()).toContain('podhand');
    if (shell === 'bash') execFileSync('bash', ['-n'], { input: script });
  },
);

test('words are completed: commands, options, containers', async () => {
  await agent.start({ ListContainers: (_call: unknown, answer: Answer) => answer(null, containers) });
  const env = { PODHAND_SOCKET: agent.socketPath };
  const complete = async (...words: string[]): Promise<string> =>
    (await podhand(['complete', '--', ...words], { env }).done).stdout.toString();
  expect(await complete('lo')).toMatch(/^logs\t/);
  expect(await complete('logs', '--t')).toMatch(/^--tail\t/);
  expect(await complete('logs', 'm')).toMatch(/^main/);
  expect(await complete('cat', 'm')).toMatch(/^main:/);
});
