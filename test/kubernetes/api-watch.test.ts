import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ApiPods } from '../../src/agent/executors/k8sapi/api-pods.ts';
import { KubernetesEndpoint } from '../../src/agent/kubernetes/endpoint.ts';
import { PodStore } from '../../src/agent/pods/store.ts';
import { Authority } from '../cluster/authority.ts';
import { ended, id, podJson, status, uid } from './pod-shapes.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const running = podJson({
  containerStatuses: [status({ running: { startedAt: '2026-01-02T03:04:05Z' } }, { containerID: id('a') })],
});
const exited = podJson({ containerStatuses: [status(ended(3), { containerID: id('a') })] });

/** An API server whose answers are the test's, over real TLS: what a real one does only after hours. */
let directory: string;
let server: Server;
let asked: string[];
let script: Answer[];
let stop: AbortController;
let store: PodStore;
let endpoint: KubernetesEndpoint;
let pods: ApiPods;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'podhand-'));
  const authority = await Authority.create(directory, 'ca');
  const own = await authority.issue('server', { name: 'server', serves: ['IP:127.0.0.1'] });
  asked = [];
  script = [];
  server = createServer({ cert: readFileSync(own.cert), key: readFileSync(own.key) }, (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'https://server');
    asked.push(
      searchParams.has('watch')
        ? `watch ${searchParams.get('resourceVersion')}`
        : `list ${request.headers.authorization}`,
    );
    const answer = script.shift();
    if (answer === undefined) response.writeHead(200).flushHeaders();
    else answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  writeFileSync(join(directory, 'token'), 'first\n');
  endpoint = new KubernetesEndpoint({
    url: `https://127.0.0.1:${port}`,
    caFile: authority.ca.cert,
    tokenFile: join(directory, 'token'),
  });
  stop = new AbortController();
  store = new PodStore();
  const log = pino({ level: 'silent' });
  pods = new ApiPods({ endpoint, nodeName: 'node1', forgetAfterMs: 60_000, log });
});
afterEach(async () => {
  stop.abort();
  await endpoint.close();
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

const list =
  (items: object[], resourceVersion: string): Answer =>
  (_, response) => {
    response.end(JSON.stringify({ kind: 'PodList', metadata: { resourceVersion }, items }));
  };
const events =
  (...all: object[]): Answer =>
  (_, response) => {
    // Cut anywhere, as a network does.
    const text = all.map((event) => `${JSON.stringify(event)}\n`).join('');
    response.write(text.slice(0, 100));
    setTimeout(() => response.end(text.slice(100)), 10);
  };
const bookmark = (resourceVersion: string) => ({ type: 'BOOKMARK', object: { metadata: { resourceVersion } } });

test('goes on from the last version; lists again where that is gone; is told of a deletion with its last state', async () => {
  script = [
    list([running], '10'),
    events(bookmark('20')),
    events({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } }),
    list([running], '30'),
    (_, response) => response.writeHead(410).end(),
    list([running], '40'),
    events({
      type: 'DELETED',
      object: { ...exited, metadata: { ...(exited.metadata as object), resourceVersion: '50' } },
    }),
  ];
  await pods.feed(store, stop.signal);
  expect(store.container(uid, 'main')?.state).toBe('running');
  await expect.poll(() => asked.length, { timeout: 20_000 }).toBe(8);
  expect(asked.map((request) => request.replace('list Bearer first', 'list'))).toEqual([
    'list',
    'watch 10',
    'watch 20',
    'list',
    'watch 30',
    'list',
    'watch 40',
    'watch 50',
  ]);
  expect(store.container(uid, 'main')).toMatchObject({ state: 'exited', exit: { exitCode: 3 } });
});

test('a token that is refused is read again, once', async () => {
  const refuse: Answer = (_, response) => {
    writeFileSync(join(directory, 'token'), 'second');
    response.writeHead(401).end();
  };
  script = [refuse, list([], '1')];
  await pods.feed(store, stop.signal);
  expect(asked.slice(0, 2)).toEqual(['list Bearer first', 'list Bearer second']);
});

test('a server with a certificate of somebody else is not asked anything', async () => {
  const stranger = mkdtempSync(join(tmpdir(), 'podhand-'));
  const { ca } = await Authority.create(stranger, 'stranger');
  const { port } = server.address() as AddressInfo;
  const other = new KubernetesEndpoint({
    url: `https://127.0.0.1:${port}`,
    caFile: ca.cert,
    tokenFile: join(directory, 'token'),
  });
  await expect(other.stream('/api/v1/pods', stop.signal)).rejects.toThrow();
  expect(asked).toEqual([]);
  await other.close();
  rmSync(stranger, { recursive: true, force: true });
});
