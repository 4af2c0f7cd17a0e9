import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KubeletPods } from '../../src/agent/executors/kubelet/kubelet-pods.ts';
import { KubernetesEndpoint } from '../../src/agent/kubernetes/endpoint.ts';
import { PodStore } from '../../src/agent/pods/store.ts';
import { Authority } from '../cluster/authority.ts';
import { podJson } from './pod-shapes.ts';

/** A kubelet whose answers are the test's, over real TLS. */
let directory: string;
let server: Server;
let asked: number;
let answer: (response: ServerResponse) => void;
let lines: { readonly level: number; readonly msg: string; readonly err?: { readonly message: string } }[];
let pods: KubeletPods;
let endpoint: KubernetesEndpoint;
let stop: AbortController;

const forbidden = (response: ServerResponse): void => {
  response
    .writeHead(403, { 'content-type': 'text/plain' })
    .end('Forbidden (verb=get, resource=nodes, subresource=proxy)');
};
const listing = (response: ServerResponse): void => {
  response.end(JSON.stringify({ kind: 'PodList', items: [podJson({})] }));
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'podhand-'));
  const authority = await Authority.create(directory, 'ca');
  const own = await authority.issue('server', { name: 'server', serves: ['IP:127.0.0.1'] });
  asked = 0;
  answer = forbidden;
  lines = [];
  server = createServer({ cert: readFileSync(own.cert), key: readFileSync(own.key) }, (_, response) => {
    asked += 1;
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  writeFileSync(join(directory, 'token'), 'token\n');
  endpoint = new KubernetesEndpoint({
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caFile: authority.ca.cert,
    tokenFile: join(directory, 'token'),
  });
  stop = new AbortController();
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  pods = new KubeletPods({ endpoint, pollIntervalMs: 20, forgetAfterMs: 60_000, log });
});
afterEach(async () => {
  stop.abort();
  await endpoint.close();
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Warnings and better; what is said of each further attempt is for who looks for it. */
const said = () => lines.filter(({ level }) => level >= 30).map(({ level, msg }) => `${level} ${msg}`);
const settled = { timeout: 30_000 };
const feed = () => {
  const fed = pods.feed(new PodStore(), stop.signal);
  fed.catch(() => undefined);
  return fed;
};

test('a kubelet that never answers is told of once, with what it says, however often it is asked', async () => {
  void feed();
  await expect.poll(() => asked, settled).toBeGreaterThan(3);
  await expect.poll(() => lines.filter(({ msg }) => msg.endsWith('is still away')).length, settled).toBeGreaterThan(1);
  expect(said()).toEqual(['40 the kubelet does not answer']);
  expect(lines.find(({ level }) => level === 40)?.err?.message).toContain('403');
  expect(pods.connected).toBe(false);
});

test('one that nobody runs is told of in the same words, and one that is lost later in others', async () => {
  const { port } = server.address() as AddressInfo;
  server.close();
  const fed = feed();
  await expect.poll(said, settled).toEqual(['40 the kubelet does not answer']);
  answer = listing;
  server.listen(port, '127.0.0.1');
  await fed;
  expect(pods.connected).toBe(true);
  answer = forbidden;
  await expect
    .poll(said, settled)
    .toEqual(['40 the kubelet does not answer', '30 the kubelet answers', '40 lost the kubelet']);
  expect(pods.connected).toBe(false);
});
