import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KubernetesEndpoint } from '../../src/agent/kubernetes/endpoint.ts';
import { Authority } from '../cluster/authority.ts';

let directory: string;
let authority: Authority;
let server: Server | Http2SecureServer | undefined;
let endpoint: KubernetesEndpoint | undefined;
const stop = () => new AbortController();

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'podhand-'));
  authority = await Authority.create(directory, 'ca');
  writeFileSync(join(directory, 'token'), 'token\n');
});
afterEach(async () => {
  await endpoint?.close();
  server?.close();
  rmSync(directory, { recursive: true, force: true });
});

async function endpointOf(listening: Server | Http2SecureServer): Promise<KubernetesEndpoint> {
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  endpoint = new KubernetesEndpoint({ url, caFile: authority.ca.cert, tokenFile: join(directory, 'token') });
  return endpoint;
}

test('a connection for each request of a server that would rather speak HTTP/2, as kubelet and API server do', async () => {
  const own = await authority.issue('server', { name: 'server', serves: ['IP:127.0.0.1'] });
  const asked: string[] = [];
  const ports = new Set<number | undefined>();
  const options = { cert: readFileSync(own.cert), key: readFileSync(own.key), allowHTTP1: true };
  const answering = createSecureServer(options, (request, response) => {
    asked.push(request.httpVersion);
    ports.add(request.socket.remotePort);
    // Goes on, as a followed log does.
    response.write('line\n');
  });
  const served = await endpointOf(answering);
  const { signal } = stop();
  const streams = [await served.stream('/one', signal), await served.stream('/two', signal)];
  for (const stream of streams) expect(String(await stream.read())).toBe('line\n');
  expect(asked).toEqual(['1.1', '1.1']);
  expect(ports.size).toBe(2);
  for (const stream of streams) stream.close();
});

test('a call that is ended while its connection is still being made ends at once', async () => {
  const connected: Socket[] = [];
  // Accepts, and never says a word of TLS.
  const silent = createServer((socket) => void connected.push(socket));
  const served = await endpointOf(silent);
  const controller = stop();
  const reason = new Error('nobody waits for it any more');
  const call = served.stream('/api/v1/pods', controller.signal);
  await expect.poll(() => connected.length, { timeout: 30_000 }).toBe(1);
  controller.abort(reason);
  // And not for what a connection has for a time-out.
  await expect(call).rejects.toBe(reason);
  for (const socket of connected) socket.destroy();
});
