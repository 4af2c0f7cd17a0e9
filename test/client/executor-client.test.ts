import { closeSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Metadata } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ExecutorClient, type ExecutorClientOptions } from '../../src/client/executor-client.ts';
import { PodhandError } from '../../src/wire/errors.ts';
import { type Handlers, ScriptedAgent, statusOf, writeAll } from './scripted-agent.ts';

let agent: ScriptedAgent;
let client: ExecutorClient;

beforeEach(() => {
  agent = new ScriptedAgent();
});

afterEach(() => {
  client?.close();
  agent[Symbol.dispose]();
});

function connect(options: Partial<ExecutorClientOptions> = {}): ExecutorClient {
  client = new ExecutorClient({ socketPath: agent.socketPath, ...options });
  return client;
}

const info: Handlers = { GetInfo: (_call: unknown, answer: Answer) => answer(null, { agentVersion: '1.2.3' }) };
type Answer = (error: object | null, response?: object) => void;

async function all<Message>(stream: AsyncIterable<Message>): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}

function failure(promise: Promise<unknown>): Promise<PodhandError> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(PodhandError);
      return error as PodhandError;
    },
  );
}

test('an error brings its reason, code and details', async () => {
  const given = new PodhandError('FILE_NOT_FOUND', 'no such file', { details: { path: '/x', wide: 'ü'.repeat(100) } });
  await agent.start({ GetInfo: (_call: unknown, answer: Answer) => answer(statusOf(given)) });
  const error = await failure(connect().getInfo());
  expect({ reason: error.reason, code: error.code, message: error.message, details: error.details }).toEqual({
    reason: 'FILE_NOT_FOUND',
    code: 5,
    message: 'no such file',
    details: given.details,
  });
});

test.each([
  ['a status without a reason', { code: 3, details: 'bad' }, 'INVALID_REQUEST'],
  ['a broken trailer', { code: 13, details: 'x', metadata: trailer(Buffer.from([0xff, 1, 2])) }, 'INTERNAL'],
  ['an unknown code', { code: 2, details: 'x' }, 'INTERNAL'],
  ['a method that the agent does not have', { code: 12, details: 'x' }, 'ROLE_NOT_OFFERED'],
])('%s becomes the nearest reason', async (_name, status, reason) => {
  await agent.start({ GetInfo: (_call: unknown, answer: Answer) => answer(status) });
  expect((await failure(connect().getInfo())).reason).toBe(reason);
});

function trailer(bytes: Buffer): Metadata {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', bytes);
  return metadata;
}

test('an agent that comes later is waited for, and the outage is told once', async () => {
  const outages: PodhandError[] = [];
  const answer = connect({ onOutage: (error) => outages.push(error) }).getInfo();
  await sleep(300);
  await agent.start(info);
  expect((await answer).agentVersion).toBe('1.2.3');
  expect(outages.map(({ reason }) => reason)).toEqual(['AGENT_UNREACHABLE']);
});

test('an agent that stays away is AGENT_UNREACHABLE with its address and the time', async () => {
  const error = await failure(connect({ retryFor: 200 }).getInfo());
  expect(error.reason).toBe('AGENT_UNREACHABLE');
  expect(error.message).toMatch(/^agent unreachable at \/.*agent\.sock since \d{4}-\d\d-\d\dT/);
});

test('a deadline and a signal end the attempts to reach an agent', async () => {
  const calling = connect();
  expect((await failure(calling.getInfo({ deadline: new Date(Date.now() + 200) }))).reason).toBe('DEADLINE_EXCEEDED');
  const error = await failure(calling.getInfo({ signal: AbortSignal.timeout(100) }));
  expect(error.reason).toBe('CANCELLED');
});

test('a deadline and a signal end a call that is not answered', async () => {
  await agent.start({ GetInfo: () => undefined, Wait: () => undefined });
  const calling = connect();
  expect((await failure(calling.getInfo({ deadline: new Date(Date.now() + 200) }))).reason).toBe('DEADLINE_EXCEEDED');
  expect((await failure(all(calling.wait({}, { signal: AbortSignal.timeout(100) })))).reason).toBe('CANCELLED');
  expect((await failure(calling.getInfo({ signal: AbortSignal.abort() }))).reason).toBe('CANCELLED');
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
  await connect().getInfo();
  expect(calls).toBe(3);
});

test('a runtime that stays away is told as such, not as an unreachable agent', async () => {
  const away = new PodhandError('RUNTIME_UNAVAILABLE', 'docker does not answer');
  await agent.start({ GetInfo: (_call: unknown, answer: Answer) => answer(statusOf(away)) });
  const error = await failure(connect({ retryFor: 150 }).getInfo());
  expect([error.reason, error.message]).toEqual(['RUNTIME_UNAVAILABLE', 'docker does not answer']);
});

test('the pod is chosen by metadata', async () => {
  const pods: unknown[] = [];
  await agent.start({
    GetInfo: (call: { metadata: Metadata }, answer: Answer) => {
      pods.push(call.metadata.get('podhand-pod'));
      answer(null, {});
    },
  });
  await connect({ pod: 'default/job' }).getInfo();
  client.close();
  await connect().getInfo();
  expect(pods).toEqual([['default/job'], []]);
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
  const calling = connect({ socketPath: `${directory}/agent.sock` });
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
  await agent.start({ Wait: (call: { write(message: object): void }) => call.write(running) });
  const stream = connect().wait({ containers: ['main'] });
  expect((await stream.next()).value).toMatchObject(running);
  agent.stop();
  await agent.start({
    Wait: (call: { write(message: object): void; end(): void }) => {
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

test('logs go on at the last cursor after a restart: nothing lost, nothing twice', async () => {
  const lines = Array.from({ length: 50 }, (_, index) => `line ${index}\n`);
  const requests: { cursor: string; tail: number | undefined }[] = [];
  const serve = (count: number): Handlers => ({
    StreamLogs: (call: LogCall) => {
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
  for await (const message of connect().streamLogs({ container: 'main', follow: true, tailLines: 50 })) {
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

interface LogCall {
  request: { cursor: Buffer; tailLines?: number };
  write(message: object): void;
  end(): void;
}

function chunkOf(index: number, text: string): object {
  return { stream: 'LOG_STREAM_STDOUT', data: Buffer.from(text), cursor: Buffer.from(String(index)) };
}

test.each(['readFile', 'collectArtifact'] as const)('%s is made again only while nothing has come', async (method) => {
  const name = method === 'readFile' ? 'ReadFile' : 'CollectArtifact';
  const calling = connect();
  const stream = calling[method]({ container: 'main', path: '/x' });
  const first = stream.next();
  await sleep(150);
  await agent.start({ [name]: (call: { write(message: object): void }) => call.write({ chunk: Buffer.from('half') }) });
  expect((await first).value).toMatchObject({ part: 'chunk' });
  agent.stop();
  await agent.start({ [name]: (call: { end(): void }) => call.end() });
  const error = await failure(stream.next());
  expect(error.reason).toBe('AGENT_UNREACHABLE');
  expect(error.message).toContain('in the middle of the transfer');
});

test('a save that had begun is made again with overwrite, one that had not as it was', async () => {
  const overwrites: boolean[] = [];
  const serve = (message: object | undefined): Handlers => ({
    SaveArtifact: (call: { request: { overwrite: boolean }; write(message: object): void; end(): void }) => {
      overwrites.push(call.request.overwrite);
      if (message === undefined) call.end();
      else call.write(message);
    },
  });
  await agent.start(serve({ progress: { bytes: 1 } }));
  const stream = connect().saveArtifact({ container: 'main', path: '/x', destination: '/out/x' });
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
  const once = connect().kill({ containers: ['main'], signal: 'USR1', once: true });
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
  const answer = connect().kill({ containers: ['main'], gracePeriodMs: 1500 });
  while (calls === 0) await sleep(10);
  await agent.start(serve);
  expect((await answer).outcomes[0]?.result).toBe('KILL_RESULT_ALREADY_GONE');
  expect(graces[1]).toEqual({ seconds: 1, nanos: 500_000_000 });
});

test('a path is sent as bytes', async () => {
  const paths: Buffer[] = [];
  const serve = (call: { request: { path: Buffer }; end(): void }): void => {
    paths.push(call.request.path);
    call.end();
  };
  await agent.start({ ReadFile: serve });
  const calling = connect();
  await all(calling.readFile({ container: 'main', path: '/tmp/ü' }));
  await all(calling.readFile({ container: 'main', path: Buffer.from([0x2f, 0xff, 0xfe]) }));
  expect(paths).toEqual([Buffer.from('/tmp/ü'), Buffer.from([0x2f, 0xff, 0xfe])]);
});

test('a reader that stops reading holds the agent back; leaving the loop cancels the call', async () => {
  let written = -1;
  let finished = Promise.resolve();
  await agent.start({
    StreamLogs: (call: Parameters<typeof writeAll>[0]) => {
      const data = Buffer.alloc(65_536);
      function* chunks(): Generator<object> {
        for (written = 0; written < 16_384; written += 1) yield { chunk: { data, cursor: Buffer.from('c') } };
      }
      finished = writeAll(call, chunks()).then(() => undefined);
    },
  });
  for await (const message of connect().streamLogs({ container: 'main' })) {
    expect(message.chunk?.data).toHaveLength(65_536);
    // The agent must come to a halt: what it has written stays the same from some moment on.
    let before = -1;
    while (before !== written) {
      before = written;
      await sleep(300);
    }
    break;
  }
  await finished;
  // 1 GiB was to be written; what is on the way is bounded by windows and buffers of both ends.
  expect(written).toBeLessThan(512);
});

test('after close calls are cancelled', async () => {
  await agent.start(info);
  const calling = connect();
  await calling.getInfo();
  calling.close();
  expect((await failure(calling.getInfo())).reason).toBe('CANCELLED');
});
