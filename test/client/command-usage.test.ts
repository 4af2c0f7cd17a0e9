import { spawn } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { podhand } from './command-line.ts';
import { type Answer, ScriptedAgent, type Streaming } from './scripted-agent.ts';

let agent: ScriptedAgent;

beforeEach(() => {
  agent = new ScriptedAgent();
});

afterEach(() => {
  agent[Symbol.dispose]();
});

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
  const { code, stdout, stderr } = await agent.run(command, '--help');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.toString()).toMatch(/Examples:\n {2}podhand /);
  expect(stdout.toString()).toContain('--socket');
});

test('podhand --help names every command', async () => {
  const help = (await agent.run('--help')).stdout.toString();
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
  const { code, stdout, stderr } = await agent.run(...args);
  expect(code).toBe(64);
  expect(stdout.toString()).toBe('');
  expect(stderr).toMatch(/^podhand: .* \(INVALID_REQUEST\)\n(hint: .*\n)?$/);
  expect(stderr).toContain(words);
});

test('without a command the help is on stderr', async () => {
  const { code, stdout, stderr } = await agent.run();
  expect([code, stdout.length]).toEqual([64, 0]);
  expect(stderr).toContain('Usage: podhand');
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
  await agent.run('--pod', 'default/job', 'info');
  expect(pods).toEqual([undefined, 'default/job']);
  const admin = await podhand(['info', '--admin', '--retry-for', '0', '-o', 'json'], {
    env: { PODHAND_SOCKET: agent.socketPath },
  }).done;
  expect(admin.code === 64 && JSON.parse(admin.stderr.trim().split('\n').at(-1) ?? '').error).toContain(
    '/run/podhand/admin.sock',
  );
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

function podhandByShell(script: string): Promise<number> {
  const child = spawn('sh', ['-c', script, process.execPath, agent.socketPath], { stdio: 'inherit', env: {} });
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? -1)));
}
