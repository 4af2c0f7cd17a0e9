import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WaitResponse__Output } from '../../src/wire/generated/podhand/v1/WaitResponse.ts';
import { attackOn } from '../attacks/attack.ts';
import { type AgentUnderTest, about, failure, startTestAgent, unary } from './agent-under-test.ts';
import { container, exited, podA, podB } from './scripted-executor.ts';

const attack = attackOn('shared');

let agent: AgentUnderTest;
beforeEach(async () => {
  agent = await startTestAgent();
});
afterEach(async () => await agent.close());

const a = () => about('default/a');

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of stream) all.push(each);
  return all;
}

describe('admin socket', () => {
  test('chooses the pod by name or uid', async () => {
    const client = agent.admin();
    for (const pod of ['default/a', podA.uid]) {
      const info = await unary(client, 'getInfo', {}, about(pod));
      expect(info).toMatchObject({
        agentVersion: 'test',
        executor: 'docker',
        pod: { uid: podA.uid, name: 'a' },
        callerContainer: '',
      });
    }
  });

  test.each([
    ['no pod', '', '3 INVALID_REQUEST'],
    ['unknown pod', 'default/zzz', '5 POD_NOT_FOUND'],
  ])('%s', async (_, pod, expected) => {
    const client = agent.admin();
    expect(await failure(unary(client, 'getInfo', {}, about(pod)))).toBe(expected);
  });

  test('lists the containers of that pod only', async () => {
    const client = agent.admin();
    const { containers = [] } = await unary(client, 'listContainers', {}, a());
    expect(containers.map((each) => each.name)).toEqual(['main']);
  });
});

describe('errors', () => {
  test('an unclassified error tells the caller nothing of the node, and the log its cause', async () => {
    const call = agent.admin().readFile({ container: 'main', path: Buffer.from('/x') }, a());
    let seen = '';
    try {
      await collect(call);
    } catch (error) {
      seen = String(error);
    }
    expect(seen).toContain('podhand failed');
    expect(seen).not.toContain('/var/lib/secret');
    expect(JSON.stringify(agent.logLines)).toContain('/var/lib/secret');
  });

  test('a role that the executor does not have is refused with its note', async () => {
    expect(await failure(agent.admin().watchStats({}, a()))).toBe('12 ROLE_NOT_OFFERED');
  });

  test.each([
    ['unknown container', 'nobody', '5 CONTAINER_NOT_FOUND'],
    ['container of another pod', 'secret', '5 CONTAINER_NOT_FOUND'],
    ['empty name', '', '3 INVALID_REQUEST'],
    ['long name', 'x'.repeat(300), '3 INVALID_REQUEST'],
  ])('%s', async (_, name, expected) => {
    const client = agent.admin();
    expect(await failure(client.streamLogs({ container: name }, a()))).toBe(expected);
    expect(await failure(client.readFile({ container: name, path: Buffer.from('/x') }, a()))).toBe(expected);
    expect(await failure(client.wait({ containers: [name] }, a()))).toBe(expected);
    expect(await failure(unary(client, 'kill', { containers: [name] }, a()))).toBe(expected);
  });
});

describe('Wait', () => {
  test('tells the present state, the change, then the record', async () => {
    const events: WaitResponse__Output[] = [];
    for await (const event of agent
      .admin()
      .wait({ containers: ['main'] }, a()) as AsyncIterable<WaitResponse__Output>) {
      events.push(event);
      if (events.length === 1) agent.executor.put(podA, exited(container(podA, 'main'), 7));
    }
    expect(events.map((event) => event.changed?.state ?? 'result')).toEqual([
      'CONTAINER_STATE_RUNNING',
      'CONTAINER_STATE_EXITED',
      'result',
    ]);
    expect(events[2]?.result?.records).toMatchObject([{ container: 'main', exitKnown: true, exitCode: 7 }]);
  });

  test('a container that is re-created while it is awaited is awaited on', async () => {
    const first = container(podA, 'main');
    const second = container(podA, 'main', { id: 'f'.repeat(64), restartCount: 1 });
    const events: WaitResponse__Output[] = [];
    for await (const event of agent
      .admin()
      .wait({ containers: ['main'] }, a()) as AsyncIterable<WaitResponse__Output>) {
      events.push(event);
      if (events.length === 1) {
        agent.executor.put(podA, exited(first, 1));
        agent.executor.put(podA, second);
      }
      if (event.changed?.restartCount === 1 && event.changed.state === 'CONTAINER_STATE_RUNNING')
        agent.executor.put(podA, exited(second, 0));
    }
    expect(events.at(-1)?.result?.records).toMatchObject([{ restartCount: 1, exitCode: 0 }]);
  });

  test('until_known waits for a container that the pod does not have yet', async () => {
    const call = agent.admin().wait({ containers: ['late'], untilKnown: true }, a());
    setTimeout(() => agent.executor.put(podA, exited(container(podA, 'late'), 3)), 50);
    const events = (await collect(call)) as WaitResponse__Output[];
    expect(events.at(-1)?.result?.records).toMatchObject([{ container: 'late', exitCode: 3 }]);
  });

  test('ends with DEADLINE_EXCEEDED at the deadline and leaves nothing subscribed', async () => {
    const call = agent.admin().wait({ containers: ['main'] }, a(), { deadline: Date.now() + 100 });
    expect(await failure(call)).toMatch(/^4 /);
  });

  test('ends when the pod leaves the node', async () => {
    const ended = failure(agent.admin().wait({ containers: ['main'] }, a()));
    setTimeout(() => agent.executor.store?.removePod(podA.uid), 50);
    expect(await ended).toBe('5 POD_NOT_FOUND');
  });

  test('a drained agent says so, and the record is there after its restart', async () => {
    agent.executor.put(podA, exited(container(podA, 'main'), 42));
    await collect(agent.admin().wait({ containers: ['main'] }, a()));
    const waiting = failure(agent.admin().wait({ containers: ['secret'] }, about('default/b')));
    await new Promise((resolve) => setTimeout(resolve, 50));
    agent = await agent.restart();
    expect(await waiting).toMatch(/^14 /);
    // The runtime has forgotten how it ended: the record has not.
    agent.executor.put(podA, { ...container(podA, 'main'), state: 'unknown' });
    const events = (await collect(agent.admin().wait({ containers: ['main'] }, a()))) as WaitResponse__Output[];
    expect(events.at(-1)?.result?.records).toMatchObject([{ exitKnown: true, exitCode: 42 }]);
    expect(readdirSync(`${agent.directory}/state/records/${podA.uid}`)).toEqual(['main-0.json']);
  });
});

describe('streams', () => {
  attack(49, 'a caller that does not read stops the source', async () => {
    let produced = 0;
    agent.executor.logChunks = async function* (signal) {
      for (; produced < 10_000 && !signal.aborted; produced += 1) {
        yield { stream: 'stdout', data: Buffer.alloc(65_536), cursor: Buffer.from(String(produced)) };
      }
    };
    const call = agent.admin().streamLogs({ container: 'main' }, a());
    call.on('error', () => undefined);
    // Reads one message, as a program does that is busy with it from then on.
    await call[Symbol.asyncIterator]().next();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(produced).toBeLessThan(200);
    call.cancel();
    await expect.poll(() => agent.executor.logsEnded).toBe(1);
  });

  test('what was sent is let go while the stream goes on', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const count = 200;
    const sent: WeakRef<Buffer>[] = [];
    agent.executor.logChunks = async function* (signal) {
      while (sent.length < count) {
        const data = Buffer.alloc(1000);
        sent.push(new WeakRef(data));
        yield { stream: 'stdout', data, cursor: Buffer.from(String(sent.length)) };
      }
      await once(signal, 'abort');
    };
    const call = agent.admin().streamLogs({ container: 'main', follow: true }, a());
    call.on('error', () => undefined);
    const reading = call[Symbol.asyncIterator]();
    for (let read = 0; read < count; read += 1) expect((await reading.next()).done).toBe(false);
    const held = () => {
      collectGarbage();
      return sent.filter((data) => data.deref() !== undefined).length;
    };
    // A few may still be in the connection.
    await expect.poll(held, { timeout: 60_000 }).toBeLessThan(count / 10);
    call.cancel();
  });

  test('the source is ended when the caller goes away', async () => {
    agent.executor.logChunks = async function* (signal) {
      yield { stream: 'stdout', data: Buffer.from('x'), cursor: Buffer.from('1') };
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const call = agent.admin().streamLogs({ container: 'main', follow: true }, a());
    call.on('error', () => undefined);
    await new Promise((resolve) => call.once('data', resolve));
    call.cancel();
    await expect.poll(() => agent.executor.logsEnded).toBe(1);
  });

  test('a failure in the middle is a status, not an end', async () => {
    agent.executor.logChunks = async function* () {
      yield { stream: 'stdout', data: Buffer.from('x'), cursor: Buffer.from('1') };
      throw new Error('boom');
    };
    expect(await failure(agent.admin().streamLogs({ container: 'main' }, a()))).toBe('13 INTERNAL');
  });
});

test('each call is one log line with pod, container, code and duration', async () => {
  const client = agent.admin();
  await failure(client.streamLogs({ container: 'nobody' }, a()));
  const lines = agent.logLines.filter((line) => line.msg === 'call');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    rpc: 'StreamLogs',
    pod: 'default/a',
    container: 'nobody',
    code: 5,
    reason: 'CONTAINER_NOT_FOUND',
    ms: expect.any(Number),
  });
});

test('a pod that leaves takes its socket with it', async () => {
  expect(readdirSync(`${agent.directory}/run/pods`).sort()).toEqual([podA.uid, podB.uid]);
  agent.executor.store?.removePod(podB.uid);
  await expect.poll(() => readdirSync(`${agent.directory}/run/pods`)).toEqual([podA.uid]);
});

test('an agent that has stopped leaves no admin socket, one that replaces it is not harmed', async () => {
  const { directory } = agent;
  agent = await agent.restart();
  expect(readdirSync(`${directory}/run`)).toContain('admin.sock');
  await agent.agent.stop();
  expect(readdirSync(`${directory}/run`)).not.toContain('admin.sock');
});
