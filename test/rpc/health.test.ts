import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type ClientReadableStream, credentials, makeClientConstructor } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import type { HealthClient } from '../../src/wire/generated/grpc/health/v1/Health.ts';
import type { HealthCheckResponse__Output } from '../../src/wire/generated/grpc/health/v1/HealthCheckResponse.ts';
import { loadHealthService } from '../../src/wire/load.ts';
import { eventually } from '../conformance/subject.ts';
import { figure } from '../operations/scrape.ts';
import { type AgentUnderTest, connect, failure, startTestAgent, startWithLimits } from './agent-under-test.ts';
import { podA, podB } from './scripted-executor.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
function usedBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const closer of closers.splice(0).reverse()) await closer();
});

const metrics = `/tmp/podhand-health-${process.pid}.sock`;
const unpaced = ['callsPerSecondPerPod=1000000', 'callBurstPerPod=1000000'];
let agent: AgentUnderTest;
async function start(...limits: string[]): Promise<void> {
  agent = await startWithLimits(metrics, limits);
  const { close } = agent;
  closers.push(() => close());
}
const socketOf = (pod: typeof podA) => `${agent.directory}/run/pods/${pod.uid}/agent.sock`;
const adminSocket = () => `${agent.directory}/run/admin.sock`;

function health(socket: string): HealthClient {
  const Constructor = makeClientConstructor(loadHealthService(), 'Health');
  const options = { 'grpc.use_local_subchannel_pool': 1 };
  const client = new Constructor(`unix:${socket}`, credentials.createInsecure(), options) as unknown as HealthClient;
  closers.push(() => client.close());
  return client;
}
function check(client: HealthClient, service: string): Promise<HealthCheckResponse__Output> {
  return new Promise((resolve, reject) => {
    client.check({ service }, (error, response) => (response === undefined ? reject(error) : resolve(response)));
  });
}
function watch(client: HealthClient, service: string): ClientReadableStream<HealthCheckResponse__Output> {
  const stream = client.watch({ service });
  stream.on('error', () => undefined);
  closers.push(() => stream.cancel());
  return stream;
}
async function next(stream: ClientReadableStream<HealthCheckResponse__Output>): Promise<string> {
  const [response] = (await once(stream, 'data')) as [HealthCheckResponse__Output];
  return response.status;
}
const openStreams = () => figure(metrics, 'podhand_open_streams');
const nameBytes = 60 * 1024;

describe.each<[string, () => string]>([
  ['pod', () => socketOf(podA)],
  ['admin', adminSocket],
])('on the %s socket', (_, socket) => {
  test('Check and List know the agent and its service, and nothing else', async () => {
    await start();
    const client = health(socket());
    for (const service of ['', 'podhand.v1.ExecutorService'])
      expect(await check(client, service)).toEqual({ status: 'SERVING' });
    expect(await failure(check(client, 'podhand.v1.Other'))).toBe('5 SERVICE_NOT_FOUND');
    expect(await failure(check(client, '__proto__'))).toBe('5 SERVICE_NOT_FOUND');
    const listed = await new Promise((resolve, reject) => {
      client.list({}, (error, response) => (error ? reject(error) : resolve(response)));
    });
    const serving = { status: 'SERVING' };
    expect(listed).toEqual({ statuses: { '': serving, 'podhand.v1.ExecutorService': serving } });
  });

  test('Watch tells when the agent drains, and ends with it; of what is unknown it tells that alone', async () => {
    const own = await startTestAgent(['callers.witness=none', `metrics.listen=unix:${metrics}`, 'drain=600s']);
    agent = own;
    const client = health(socket());
    const known = watch(client, '');
    const unknown = watch(client, 'podhand.v1.Other');
    const said: string[] = [];
    unknown.on('data', ({ status }) => said.push(status));
    expect(await next(known)).toBe('SERVING');
    await eventually(async () => said.length === 1);
    expect(await openStreams()).toBe(2);
    const [told, ended, closed] = [next(known), once(known, 'error'), own.close()];
    expect(await told).toBe('NOT_SERVING');
    expect(await ended).toMatchObject([{ code: 14 }]);
    await closed;
    expect(said).toEqual(['SERVICE_UNKNOWN']);
  });
});

test('a probe that goes well writes no line, but is counted', async () => {
  await start();
  const client = health(adminSocket());
  const from = agent.logLines.length;
  for (let at = 0; at < 3; at++) await check(client, '');
  expect(agent.logLines.slice(from)).toEqual([]);
  expect(await figure(metrics, 'podhand_calls_total', { rpc: 'Health.Check', reason: 'OK' })).toBe(3);
});

describe('a pod that asks for health', () => {
  test('has no more Watches open than it may have streams, and no other stream beside them', async () => {
    await start('streamsPerPod=4');
    const clients = [health(socketOf(podA)), health(socketOf(podA))];
    const watches = Array.from({ length: 4 }, (_, at) =>
      watch(clients[at % 2] as HealthClient, at < 2 ? '' : 'unknown'),
    );
    await Promise.all(watches.map(next));
    expect(await openStreams()).toBe(4);
    const refused = '8 TOO_MANY_CALLS';
    const executor = connect(socketOf(podA));
    closers.push(() => executor.close());
    for (const client of clients) {
      expect(await failure(client.watch({ service: '' }))).toBe(refused);
      expect(await failure(client.watch({ service: 'unknown' }))).toBe(refused);
    }
    expect(await failure(executor.wait({ containers: ['main'] }))).toBe(refused);
    expect(await next(watch(health(socketOf(podB)), ''))).toBe('SERVING');
    watches[3]?.cancel();
    await eventually(async () => (await openStreams()) === 3 + 1);
    expect(await next(watch(clients[0] as HealthClient, ''))).toBe('SERVING');
  });

  test('is held to its pace', async () => {
    await start('callsPerSecondPerPod=1', 'callBurstPerPod=3');
    const client = health(socketOf(podA));
    const since = performance.now();
    const results: string[] = [];
    for (let at = 0; at < 9; at++) {
      results.push(await failure(check(client, '')));
      results.push(await failure(check(client, 'unknown')));
    }
    const admitted = results.filter((result) => result !== '8 TOO_MANY_CALLS').length;
    expect(admitted).toBeGreaterThanOrEqual(3);
    expect(admitted).toBeLessThanOrEqual(3 + Math.ceil((performance.now() - since) / 1000));
    expect(await check(health(socketOf(podB)), '')).toEqual({ status: 'SERVING' });
  });
});

test('names that nobody has sent before leave nothing behind when their Watches are dropped', async () => {
  await start(...unpaced);
  // A connection with more resets is ended by HTTP/2 itself.
  const most = 500;
  const flood = async (from: number) => {
    const calls = health(socketOf(podA));
    for (let at = from; at < from + most; at++) {
      const stream = calls.watch({ service: String(at).padStart(nameBytes, 'name') });
      stream.on('error', () => undefined);
      expect(await next(stream)).toBe('SERVICE_UNKNOWN');
      stream.cancel();
    }
    calls.close();
    await eventually(async () => (await openStreams()) === 0);
  };
  const rounds = 4;
  const before = usedBytes();
  for (let round = 0; round < rounds; round++) await flood(round * most);
  // What connections had in their hands goes a little after them; names that are kept stay.
  await eventually(async () => usedBytes() - before < (rounds * most * nameBytes) / 4);
});
