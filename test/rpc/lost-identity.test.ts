import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { parseConfig } from '../../src/agent/config/load.ts';
import { Connections } from '../../src/agent/connection/connections.ts';
import { createGrpcServer, type InjectedServer } from '../../src/agent/server/grpc-servers.ts';
import type { HealthHandlers } from '../../src/wire/generated/grpc/health/v1/Health.ts';
import type { ExecutorServiceHandlers } from '../../src/wire/generated/podhand/v1/ExecutorService.ts';
import { framed, RawCalls } from '../fuzz/raw-calls.ts';
import { podA } from './scripted-executor.ts';

const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const closer of closers.splice(0).reverse()) closer();
});

/** The answer to a call on a connection that was taken in that way, and whether a handler has seen it. */
async function asked(take: (socket: Socket, server: InjectedServer, connections: Connections) => void) {
  const { limits } = parseConfig({ environment: {}, set: [] });
  const exits = { watch: () => () => undefined };
  const nothing = () => undefined;
  const log = pino({ level: 'silent' });
  const connections = new Connections({ limits, log, exits, onEnd: nothing, onFlood: nothing });
  closers.push(() => connections.close());
  let served = false;
  const executor: Partial<ExecutorServiceHandlers> = {
    GetInfo: (_, callback) => {
      served = true;
      callback(null, {});
    },
  };
  const services = { executor: executor as ExecutorServiceHandlers, health: {} as HealthHandlers };
  const server = createGrpcServer(services, {
    reflection: false,
    maxStreams: limits.streamsPerPod,
    maxMemory: limits.connectionMemory,
    begin: (peer) => connections.begin(peer),
  });
  const directory = mkdtempSync(join(tmpdir(), 'podhand-identity-'));
  closers.push(() => rmSync(directory, { recursive: true, force: true }));
  const place = join(directory, 'agent.sock');
  const listener = createServer((socket) => take(socket, server, connections)).listen(place);
  closers.push(() => listener.close());
  await once(listener, 'listening');
  const calls = new RawCalls(place);
  closers.push(() => calls.close());
  const answer = await calls.call('/podhand.v1.ExecutorService/GetInfo', framed(Buffer.alloc(0)));
  return { code: answer.code, reason: answer.reason, served };
}

test('a call on a connection that has an identity is served', async () => {
  const take: Parameters<typeof asked>[0] = (socket, server, connections) =>
    void connections.accept(socket, podA.uid, () => ({ kind: 'pod', podUid: podA.uid }), server.inject);
  expect(await asked(take)).toEqual({ code: 0, reason: undefined, served: true });
});

test('a call on a connection that has none any more is told so, not that it calls too often', async () => {
  expect(await asked((socket, server) => server.inject(socket))).toEqual({
    code: 16,
    reason: 'CALLER_UNKNOWN',
    served: false,
  });
});
