import { closeSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ExecutorClient } from '../../src/client/executor-client.ts';
import { PodhandError } from '../../src/wire/errors.ts';
import { all, ConnectedAgent, failure, info } from './connected-agent.ts';
import { type Answer, type Handlers, type Streaming, statusOf } from './scripted-agent.ts';

let agent: ConnectedAgent;

beforeEach(() => {
  agent = new ConnectedAgent();
});

afterEach(() => {
  agent[Symbol.dispose]();
});

test('an agent that comes later is waited for, and the outage is told once', async () => {
  const outages: PodhandError[] = [];
  const answer = agent.connect({ onOutage: (error) => outages.push(error) }).getInfo();
  await sleep(300);
  await agent.start(info);
  expect((await answer).agentVersion).toBe('1.2.3');
  expect(outages.map(({ reason }) => reason)).toEqual(['AGENT_UNREACHABLE']);
});

test('an agent that stays away is AGENT_UNREACHABLE with its address and the time', async () => {
  const error = await failure(agent.connect({ retryFor: 200 }).getInfo());
  expect(error.reason).toBe('AGENT_UNREACHABLE');
  expect(error.message).toMatch(/^agent unreachable at \/.*agent\.sock since \d{4}-\d\d-\d\dT/);
});

test('calls that are turned down for now are made again', async () => {
  let calls = 0;
  const busy = new PodhandError('TOO_MANY_CALLS', 'later', { details: { retryAfterMs: '20' } });
  const stopping = new PodhandError('AGENT_STOPPING', 'stopping');
  await agent.start({
    GetInfo: (_call: unknown, answer: Answer) => {
      calls += 1;
      answer(calls === 1 ? statusOf(busy) : calls === 2 ? statusOf(stopping) : null, {});
    },
  });
  await agent.connect().getInfo();
  expect(calls).toBe(3);
});

test('a runtime that stays away is told as such, not as an unreachable agent', async () => {
  const away = new PodhandError('RUNTIME_UNAVAILABLE', 'docker does not answer');
  await agent.start({ GetInfo: (_call: unknown, answer: Answer) => answer(statusOf(away)) });
  const error = await failure(agent.connect({ retryFor: 150 }).getInfo());
  expect([error.reason, error.message]).toEqual(['RUNTIME_UNAVAILABLE', 'docker does not answer']);
});

test('a socket path of more than 107 bytes is reached, again after its directory was replaced', async () => {
  const directory = `${agent.directory}/${'d'.repeat(120)}`;
  const start = async (): Promise<void> => {
    mkdirSync(directory);
    const held = openSync(directory, 'r');
    await agent.start(info, `/proc/self/fd/${held}/agent.sock`);
    closeSync(held);
  };
  await start();
  const calling = agent.connect({ socketPath: `${directory}/agent.sock` });
  expect((await calling.getInfo()).agentVersion).toBe('1.2.3');
  agent.stop();
  renameSync(directory, `${directory}-old`);
  const answer = calling.getInfo();
  await sleep(100);
  await start();
  expect((await answer).agentVersion).toBe('1.2.3');
});

test('a wait is made again, and a state is not told twice', async () => {
  const running = { changed: { name: 'main', state: 'CONTAINER_STATE_RUNNING', containerId: 'a' } };
  const ended = { changed: { name: 'main', state: 'CONTAINER_STATE_EXITED', containerId: 'a' } };
  await agent.start({ Wait: (call: Streaming) => call.write(running) });
  const stream = agent.connect().wait({ containers: ['main'] });
  expect((await stream.next()).value).toMatchObject(running);
  agent.stop();
  await agent.start({
    Wait: (call: Streaming) => {
      for (const message of [running, ended, { result: { records: [{ container: 'main', exitKnown: true }] } }])
        call.write(message);
      call.end();
    },
  });
  expect((await all(stream)).map(({ event, changed }) => [event, changed?.state])).toEqual([
    ['changed', 'CONTAINER_STATE_EXITED'],
    ['result', undefined],
  ]);
});

/** Answers calls to their last word, without their status; tells of each. */
function wordless(called: () => void): Handlers {
  const answering =
    (...messages: object[]) =>
    (call: Streaming) => {
      called();
      for (const message of messages) call.write(message);
    };
  const trailer = { size: '1', sha256: Buffer.alloc(32) };
  return {
    Wait: answering({ result: { records: [{ container: 'main', exitKnown: true }] } }),
    StreamLogs: answering({ chunk: { data: Buffer.from('x'), cursor: Buffer.from('1') } }, { end: {} }),
    CollectArtifact: answering({ header: {} }, { chunk: Buffer.from('x') }, { trailer }),
    SaveArtifact: answering({ result: trailer }),
  };
}

test.each([
  ['wait', 1, (client: ExecutorClient) => client.wait({ containers: ['main'] })],
  ['streamLogs', 2, (client: ExecutorClient) => client.streamLogs({ container: 'main' })],
  ['collectArtifact', 3, (client: ExecutorClient) => client.collectArtifact({ container: 'main', path: '/x' })],
  [
    'saveArtifact',
    1,
    (client: ExecutorClient) => client.saveArtifact({ container: 'main', path: '/x', destination: '/y' }),
  ],
] as const)('%s is over with its last word, though the agent goes before the status', async (_, count, ask) => {
  let calls = 0;
  const handlers = wordless(() => {
    calls += 1;
  });
  await agent.start(handlers);
  const stream = ask(agent.connect())[Symbol.asyncIterator]();
  for (let at = 0; at < count; at += 1) expect((await stream.next()).done).toBe(false);
  const after = stream.next();
  agent.stop();
  await agent.start(handlers);
  expect(await after).toEqual({ done: true, value: undefined });
  expect(calls).toBe(1);
});

test('logs go on at the last cursor after a restart: nothing lost, nothing twice', async () => {
  const lines = Array.from({ length: 50 }, (_, index) => `line ${index}\n`);
  const requests: { cursor: string; tail: number | undefined }[] = [];
  const serve = (count: number): Handlers => ({
    StreamLogs: (call: Streaming<{ cursor: Buffer; tailLines?: number }>) => {
      const { cursor, tailLines } = call.request;
      requests.push({ cursor: cursor.toString(), tail: tailLines });
      const from = cursor.length === 0 ? 0 : Number(cursor.toString()) + 1;
      for (const [index, line] of lines.entries()) {
        if (index >= from && index < from + count) call.write({ chunk: chunkOf(index, line) });
      }
      if (from + count >= lines.length) {
        call.write({ end: {} });
        call.end();
      }
    },
  });
  await agent.start(serve(20));
  const received: string[] = [];
  let end: object | null | undefined;
  for await (const message of agent.connect().streamLogs({ container: 'main', follow: true, tailLines: 50 })) {
    if (message.chunk) received.push(message.chunk.data.toString());
    if (message.end) end = message.end;
    if (received.length === 20 || received.length === 40) {
      agent.stop();
      await agent.start(serve(20));
    }
  }
  expect(received).toEqual(lines);
  expect(requests).toEqual([
    { cursor: '', tail: 50 },
    { cursor: '19', tail: undefined },
    { cursor: '39', tail: undefined },
  ]);
  expect(end).toEqual({ stdoutBytes: lines.slice(0).join('').length, stderrBytes: 0 });
});

function chunkOf(index: number, text: string): object {
  return { stream: 'LOG_STREAM_STDOUT', data: Buffer.from(text), cursor: Buffer.from(String(index)) };
}

test.each(['readFile', 'collectArtifact'] as const)('%s is made again only while nothing has come', async (method) => {
  const name = method === 'readFile' ? 'ReadFile' : 'CollectArtifact';
  const calling = agent.connect();
  const stream = calling[method]({ container: 'main', path: '/x' });
  const first = stream.next();
  await sleep(150);
  await agent.start({ [name]: (call: Streaming) => call.write({ chunk: Buffer.from('half') }) });
  expect((await first).value).toMatchObject({ part: 'chunk' });
  agent.stop();
  await agent.start({ [name]: (call: Streaming) => call.end() });
  const error = await failure(stream.next());
  expect(error.reason).toBe('AGENT_UNREACHABLE');
  expect(error.message).toContain('in the middle of the transfer');
});

test('a save that had begun is made again with overwrite, one that had not as it was', async () => {
  const overwrites: boolean[] = [];
  const serve = (message: object | undefined): Handlers => ({
    SaveArtifact: (call: Streaming<{ overwrite: boolean }>) => {
      overwrites.push(call.request.overwrite);
      if (message === undefined) call.end();
      else call.write(message);
    },
  });
  await agent.start(serve({ progress: { bytes: 1 } }));
  const stream = agent.connect().saveArtifact({ container: 'main', path: '/x', destination: '/out/x' });
  expect((await stream.next()).value).toMatchObject({ event: 'progress' });
  agent.stop();
  await agent.start(serve(undefined));
  await all(stream);
  expect(overwrites).toEqual([false, true]);
});

test('one signal is not sent twice: a kill with once is not made again when its answer was lost', async () => {
  let calls = 0;
  const lose: Handlers = {
    Kill: () => {
      calls += 1;
      agent.stop();
    },
  };
  const once = agent.connect().kill({ containers: ['main'], signal: 'USR1', once: true });
  await sleep(150);
  await agent.start(lose);
  expect((await failure(once)).reason).toBe('AGENT_UNREACHABLE');
  expect(calls).toBe(1);
});

test('a kill is made again', async () => {
  let calls = 0;
  const graces: unknown[] = [];
  const serve: Handlers = {
    Kill: (call: { request: { gracePeriod: unknown } }, answer: Answer) => {
      calls += 1;
      graces.push(call.request.gracePeriod);
      if (calls === 1) agent.stop();
      else answer(null, { outcomes: [{ container: 'main', result: 'KILL_RESULT_ALREADY_GONE' }] });
    },
  };
  await agent.start(serve);
  const answer = agent.connect().kill({ containers: ['main'], gracePeriodMs: 1500 });
  while (calls === 0) await sleep(10);
  await agent.start(serve);
  expect((await answer).outcomes[0]?.result).toBe('KILL_RESULT_ALREADY_GONE');
  expect(graces[1]).toEqual({ seconds: 1, nanos: 500_000_000 });
});
