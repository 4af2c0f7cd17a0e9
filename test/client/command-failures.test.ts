import { afterEach, beforeEach, expect, test } from 'vitest';
import { PodhandError } from '../../src/wire/errors.ts';
import { ScriptedAgent, type Streaming, statusOf, writeAll } from './scripted-agent.ts';

let agent: ScriptedAgent;

beforeEach(() => {
  agent = new ScriptedAgent();
});

afterEach(() => {
  agent[Symbol.dispose]();
});

test('an unreachable agent: 64, where, since when, and what to do', async () => {
  const { code, stderr } = await agent.run('ps', '--retry-for', '100ms');
  expect(code).toBe(64);
  expect(stderr).toMatch(/podhand: agent unreachable at .* since .*Z \(AGENT_UNREACHABLE\)\nhint: /);
});

test('a failure as JSON is one line on stderr', async () => {
  const given = new PodhandError('CONTAINER_NOT_FOUND', 'no container "x"', { details: { container: 'x' } });
  await agent.start({
    ReadFile: (call: Streaming) => call.emit('error', statusOf(given)),
  });
  const { code, stdout, stderr } = await agent.run('cat', 'x:/f', '-o', 'json');
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
    ReadFile: (call: Streaming) => call.emit('error', statusOf(given)),
  });
  expect((await agent.run('cat', 'x:/f')).stderr).toContain('no file "a\\x1b[2J\\x0apodhand: fine" (FILE_NOT_FOUND)\n');
});

test('--timeout ends a wait with DEADLINE_EXCEEDED', async () => {
  await agent.start({ Wait: () => undefined });
  const { code, stderr } = await agent.run('wait', 'main', '--timeout', '300ms');
  expect(code).toBe(64);
  expect(stderr).toContain('(DEADLINE_EXCEEDED)');
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
  const started = agent.podhand('wait', 'main');
  await calling;
  started.child.kill(signal);
  const ended = await started.done;
  expect([ended.code, ended.stderr]).toEqual([code, '']);
  expect(cancelled).toBe(true);
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
  const started = agent.podhand('logs', 'main');
  started.child.stdout?.once('data', () => started.child.stdout?.destroy());
  const { code, stderr } = await started.done;
  expect([code, stderr]).toEqual([0, '']);
  expect(written).toBeLessThan(5000);
});
