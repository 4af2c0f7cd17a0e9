import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Answer, ScriptedAgent, type Streaming, stream } from './scripted-agent.ts';

let agent: ScriptedAgent;

beforeEach(() => {
  agent = new ScriptedAgent();
});

afterEach(() => {
  agent[Symbol.dispose]();
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
  const table = (await agent.run('ps')).stdout.toString();
  expect(table).toMatch(/^NAME +ID +KIND +STATE +EXIT +REASON +RESTARTS +AGE +IMAGE\n/);
  expect(table).toMatch(/\nmain +a{12} +Regular +Exited +137 \(signal 9\) +- +2 +\d+d +busybox:latest\n$/);
  const [container] = JSON.parse((await agent.run('ps', '-o', 'json')).stdout.toString()).containers;
  expect(container).toMatchObject({
    restartCount: 2,
    startedAt: '2023-11-14T22:13:20.5Z',
    finalRecord: { exitCode: 137 },
  });
  expect(container.finalRecord.usage).toEqual({ peakMemoryBytes: 1024 });
  expect(container).not.toHaveProperty('createdAt');
  expect((await agent.run('ps', '-o', 'yaml')).stdout.toString()).toContain('    startedAt: 2023-11-14T22:13:20.5Z\n');
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
  expect((await agent.run('wait', '--exit-code')).code).toBe(code);
  expect((await agent.run('wait')).code).toBe(0);
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
  const { code, stdout, stderr } = await agent.run(
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
  const { stdout } = await agent.run('kill', 'proxy', '--signal', 'INT', '--grace-period', '10s');
  expect(stdout.toString()).toMatch(/^NAME .*\nproxy +forced +TERM,KILL +10.2s +-\n$/);
  expect(requests[0]).toMatchObject({ containers: ['proxy'], signal: 'INT', gracePeriod: { seconds: 10, nanos: 0 } });
  const json = JSON.parse((await agent.run('kill', 'proxy', '--grace-period', '0', '-o', 'json')).stdout.toString());
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
  expect((await agent.run('entrypoint', 'busybox', '--', '-x', 'y')).stdout.toString()).toContain('["sh","-c","a b"]');
  await agent.run('entrypoint', '-c', 'main', '--command', 'sh', '--command', '-c', '--', 'echo');
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
  expect((await agent.run('stats')).stdout.toString()).toMatch(/\nmain +50.0% +- +2Ki /);
  expect((await agent.run('top')).stdout.toString()).toMatch(/\nmain +7 +0.0% +10 +sh\\x1b\[2J\n$/);
  const [stats] = JSON.parse((await agent.run('stats', '-o', 'json')).stdout.toString()).stats;
  expect(stats).toMatchObject({ cpuCores: 0.5, usage: { memoryBytes: 2048 } });
});
