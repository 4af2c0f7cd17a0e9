import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Asked, CollectedAgent, whole } from './collected-agent.ts';
import type { Streaming } from './scripted-agent.ts';

let agent: CollectedAgent;

beforeEach(() => {
  agent = new CollectedAgent();
});

afterEach(() => {
  agent[Symbol.dispose]();
});

test('SIGTERM: stop waiting, save now, leave the sidecars to the containers that still run', async () => {
  await agent.serve({
    ended: new Promise(() => undefined),
    files: { '/tmp/n': Buffer.from('1'), '/tmp/out': Buffer.from('x') },
  });
  const started = agent.startCollect(whole);
  await started.said('main: Running');
  started.child.kill('SIGTERM');
  const { code, stderr } = await started.done;
  expect([code, stderr.includes('saving what is there')]).toEqual([0, true]);
  expect(agent.calls.some((call) => call.startsWith('kill'))).toBe(false);
  expect(agent.outputs()).toMatchObject({
    complete: true,
    phase: 'Interrupted',
    containers: [],
    unfinished: ['main'],
    parameters: [{ source: 'file', value: '1' }, { source: 'default' }],
    logs: [{ complete: false, bytes: 9, reason: 'CANCELLED' }],
  });
});

test('SIGINT ends it without outputs', async () => {
  await agent.serve({ ended: new Promise(() => undefined) });
  const started = agent.startCollect(whole);
  await started.said('main: Running');
  started.child.kill('SIGINT');
  expect((await started.done).code).toBe(130);
  expect(existsSync(join(agent.directory, 'outputs/outputs.json'))).toBe(false);
});

test('the deadline: saves what is there, and is an error', async () => {
  await agent.serve({ ended: new Promise(() => undefined) });
  const { code } = await agent.collect('containers: [main]\ndeadline: 200ms\nresult: {container: main}');
  expect(code).toBe(64);
  expect(agent.outputs()).toMatchObject({
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
  await agent.serve({ files, ended: new Promise(() => undefined) });
  const started = agent.startCollect(whole);
  const log = join(agent.directory, 'outputs/logs/main.log');
  while (!existsSync(log) || readFileSync(log, 'utf8') !== 'both\n') await sleep(10);
  agent.stop();
  await started.said('agent unreachable');
  const after = agent.serving({ files, ended });
  await agent.start({
    ...after,
    StreamLogs: (call: Streaming<Asked>) => {
      cursors.push(call.request.cursor.toString());
      call.write({ chunk: { stream: 'LOG_STREAM_STDOUT', data: Buffer.from('rest\n'), cursor: Buffer.from('2') } });
      call.write({ end: {} });
      call.end();
    },
  });
  end();
  expect((await started.done).code).toBe(0);
  expect(agent.outputs().phase).toBe('Succeeded');
  expect(cursors[0]).toBe('1');
  expect(readFileSync(log, 'utf8')).toBe('both\nrest\n');
});
