import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Pod } from '../../src/agent/pods/model.ts';
import { Authority } from '../cluster/authority.ts';
import { figure } from '../operations/scrape.ts';
import { type AgentUnderTest, startTestAgent } from '../rpc/agent-under-test.ts';
import { container, exited, podA } from '../rpc/scripted-executor.ts';

interface Received {
  readonly path: string;
  readonly token: string;
  readonly event: {
    readonly metadata: { readonly name: string; readonly annotations: Record<string, string> };
    readonly reason: string;
    readonly message: string;
  };
}

/** An API server over real TLS whose answers are the test's. */
let directory: string;
let server: Server;
let received: Received[];
let answers: number[];
let agent: AgentUnderTest;
const settled = { timeout: 20_000 };

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'podhand-events-'));
  const authority = await Authority.create(directory, 'ca');
  const own = await authority.issue('server', { name: 'server', serves: ['IP:127.0.0.1'] });
  received = [];
  answers = [];
  server = createServer({ cert: readFileSync(own.cert), key: readFileSync(own.key) }, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const path = `${request.method} ${request.url}`;
    received.push({ path, token: request.headers.authorization ?? '', event: JSON.parse(body) });
    const status = answers.shift() ?? 201;
    response.writeHead(status, { 'content-type': 'application/json' }).end('{"kind":"Status"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  writeFileSync(join(directory, 'token'), 'secret\n');
  agent = await startTestAgent([
    'records.events=true',
    `metrics.listen=unix:${directory}/metrics`,
    'nodeName=node-1',
    `k8sapi.url=https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    `k8sapi.caFile=${authority.ca.cert}`,
    `k8sapi.tokenFile=${directory}/token`,
  ]);
});
afterEach(async () => {
  await agent.close();
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

const end = (name: string, exitCode: number, pod: Pod = podA) =>
  agent.executor.put(pod, exited(container(pod, name), exitCode));
const dropped = () => agent.logLines.filter(({ msg }) => String(msg).startsWith('no event of a final record'));

test('the end of a container is an event of its pod, with the record', async () => {
  end('main', 3);
  await expect.poll(() => received, settled).toHaveLength(1);
  const [{ path, token, event } = { path: '', token: '', event: undefined }] = received;
  expect([path, token]).toEqual(['POST /api/v1/namespaces/default/events', 'Bearer secret']);
  expect(event).toMatchObject({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace: 'default', name: expect.stringMatching(/^a\.podhand-[0-9a-f]{16}$/) },
    involvedObject: { kind: 'Pod', namespace: 'default', name: 'a', uid: podA.uid, fieldPath: 'spec.containers{main}' },
    type: 'Warning',
    reason: 'ContainerFailed',
    message: 'Container main, attempt 0, ended with exit code 3',
    source: { component: 'podhand', host: 'node-1' },
    lastTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
  });
  const record = JSON.parse(event?.metadata.annotations['podhand.dev/final-record'] ?? '');
  expect(record).toMatchObject({ container: 'main', restartCount: 0, exitKnown: true, exitCode: 3, oomKilled: false });
});

test('an agent that was restarted tells nothing again', async () => {
  end('main', 0);
  await expect.poll(() => received, settled).toHaveLength(1);
  expect(received[0]?.event.reason).toBe('ContainerSucceeded');
  agent = await agent.restart();
  end('main', 0);
  end('later', 0);
  await expect.poll(() => received, settled).toHaveLength(2);
  expect(received[1]?.event.message).toContain('later');
});

test('an end that nobody knows is told, and the truth after it as another event', async () => {
  const { exit: _, ...lost } = exited(container(podA, 'main'), 0);
  agent.executor.put(podA, { ...lost, state: 'unknown' });
  await expect.poll(() => received, settled).toHaveLength(1);
  expect(received[0]?.event.reason).toBe('ContainerEndUnknown');
  end('main', 0);
  await expect.poll(() => received, settled).toHaveLength(2);
  expect(received[1]?.event.metadata.name).not.toBe(received[0]?.event.metadata.name);
});

test('an API server that is away is asked again for the same event', async () => {
  answers = [503, 429, 500];
  end('main', 0);
  await expect.poll(() => received, settled).toHaveLength(4);
  expect(new Set(received.map(({ event }) => event.metadata.name)).size).toBe(1);
  end('other', 0);
  await expect.poll(() => received, settled).toHaveLength(5);
  expect(dropped()).toEqual([]);
});

test('an API server that refuses because it has just come back is asked again', async () => {
  answers = [503, 403, 403, 201];
  end('main', 0);
  await expect.poll(() => received, settled).toHaveLength(4);
  expect(new Set(received.map(({ event }) => event.metadata.name)).size).toBe(1);
  expect(dropped()).toEqual([]);
});

test('one that is there already is told; one that is refused is logged, dropped, and stops no other', async () => {
  answers = [409, 403];
  end('main', 0);
  end('other', 0);
  end('third', 0);
  await expect.poll(() => received, settled).toHaveLength(3);
  await expect.poll(dropped, settled).toHaveLength(1);
  // Records are written side by side: whose event was the second one is not said.
  const containers = received.map(({ event }) => /^Container (\w+),/.exec(event.message)?.[1]);
  expect(dropped()).toMatchObject([{ pod: 'a', container: containers[1] }]);
  expect(containers.toSorted()).toEqual(['main', 'other', 'third']);
});

test('a right that is missing is said once, and again once it was there in between; each event is counted', async () => {
  answers = [403, 403, 403, 201, 403];
  for (const [at, name] of ['one', 'two', 'three', 'four', 'five'].entries()) {
    end(name, 0);
    await expect.poll(() => received, settled).toHaveLength(at + 1);
  }
  await expect.poll(dropped, settled).toHaveLength(2);
  const counted = (result: string) => figure(`${directory}/metrics`, 'podhand_record_events_total', { result });
  await expect.poll(() => counted('refused'), settled).toBe(4);
  expect([await counted('created'), await counted('overflow')]).toEqual([1, 0]);
});

test('a pod whose name is as long as a name can be', async () => {
  const long: Pod = {
    ...podA,
    uid: '33333333-3333-4333-8333-333333333333',
    name: `${'x'.repeat(219)}-${'y'.repeat(33)}`,
  };
  end('main', 0, long);
  await expect.poll(() => received, settled).toHaveLength(1);
  const name = received[0]?.event.metadata.name ?? '';
  expect(name.length).toBeLessThanOrEqual(253);
  expect(name).toMatch(/^x{219}\.podhand-/);
});
