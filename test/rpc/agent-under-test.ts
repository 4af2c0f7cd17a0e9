import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, credentials, Metadata, makeClientConstructor, type ServiceError } from '@grpc/grpc-js';
import { pino } from 'pino';
import { type Agent, startAgent } from '../../src/agent/agent.ts';
import { parseConfig } from '../../src/agent/config/load.ts';
import { decodeErrorInfo } from '../../src/wire/error-info.ts';
import type { ExecutorServiceClient } from '../../src/wire/generated/podhand/v1/ExecutorService.ts';
import type { GetInfoResponse__Output } from '../../src/wire/generated/podhand/v1/GetInfoResponse.ts';
import type { KillRequest } from '../../src/wire/generated/podhand/v1/KillRequest.ts';
import type { KillResponse__Output } from '../../src/wire/generated/podhand/v1/KillResponse.ts';
import type { ListContainersResponse__Output } from '../../src/wire/generated/podhand/v1/ListContainersResponse.ts';
import type { ResolveEntrypointRequest } from '../../src/wire/generated/podhand/v1/ResolveEntrypointRequest.ts';
import type { ResolveEntrypointResponse__Output } from '../../src/wire/generated/podhand/v1/ResolveEntrypointResponse.ts';
import { loadExecutorService } from '../../src/wire/load.ts';
import { ScriptedExecutor } from './scripted-executor.ts';

export interface AgentUnderTest {
  readonly directory: string;
  readonly executor: ScriptedExecutor;
  readonly logLines: Record<string, unknown>[];
  readonly agent: Agent;
  admin(): ExecutorServiceClient;
  /** Brings the agent up again in the same place, with another executor. */
  restart(): Promise<AgentUnderTest>;
  close(): Promise<void>;
}

/** One whose pods are called by whoever has their socket, with limits and with metrics on a socket. */
export async function startWithLimits(metrics: string, limits: readonly string[]): Promise<AgentUnderTest> {
  const settings = ['callers.witness=none', `metrics.listen=unix:${metrics}`];
  return await startTestAgent([...settings, ...limits.map((limit) => `limits.${limit}`)]);
}

/** A real agent on real sockets in a temporary directory, over a scripted executor. */
export async function startTestAgent(
  set: string[] = [],
  directory = mkdtempSync(join(tmpdir(), 'podhand-')),
): Promise<AgentUnderTest> {
  const executor = new ScriptedExecutor();
  const logLines: Record<string, unknown>[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => logLines.push(JSON.parse(line)) });
  const defaults = [
    `runDir=${directory}/run`,
    `stateDir=${directory}/state`,
    'containerRuntimeExecutor=docker',
    'drain=2s',
  ];
  const config = parseConfig({ environment: {}, set: [...defaults, ...set] });
  const agent = await startAgent({ config, version: 'test', log, createExecutors: async () => executor.set() });
  const clients: Client[] = [];
  const closeClients = () => {
    for (const client of clients) client.close();
  };
  return {
    directory,
    executor,
    logLines,
    agent,
    admin: () => {
      const client = connect(`${directory}/run/admin.sock`);
      clients.push(client);
      return client;
    },
    restart: async () => {
      closeClients();
      await agent.stop();
      return await startTestAgent(set, directory);
    },
    close: async () => {
      closeClients();
      await agent.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export function connect(socket: string): ExecutorServiceClient {
  const Constructor = makeClientConstructor(loadExecutorService().definition, 'ExecutorService');
  return new Constructor(`unix:${socket}`, credentials.createInsecure()) as unknown as ExecutorServiceClient;
}

export function about(pod: string): Metadata {
  const metadata = new Metadata();
  metadata.set('podhand-pod', pod);
  return metadata;
}

type Unary<Request, Response> = (
  this: never,
  request: Request,
  metadata: Metadata,
  callback: (error: ServiceError | null, response?: Response) => void,
) => unknown;

/** The methods of the generated client are overloaded; this is the one with request, metadata and callback. */
interface Methods {
  getInfo: Unary<object, GetInfoResponse__Output>;
  listContainers: Unary<object, ListContainersResponse__Output>;
  kill: Unary<KillRequest, KillResponse__Output>;
  resolveEntrypoint: Unary<ResolveEntrypointRequest, ResolveEntrypointResponse__Output>;
}

type ResponseOf<Name extends keyof Methods> = Methods[Name] extends Unary<never, infer Response> ? Response : never;

export function unary<Name extends keyof Methods>(
  client: ExecutorServiceClient,
  name: Name,
  request: Parameters<Methods[Name]>[0],
  metadata: Metadata,
): Promise<ResponseOf<Name>> {
  const method = client[name] as unknown as Unary<unknown, ResponseOf<Name>>;
  return new Promise((resolve, reject) => {
    method.call(client as never, request, metadata, (error, response) => {
      if (error) reject(error);
      else resolve(response as ResponseOf<Name>);
    });
  });
}

/** `CODE reason` of a failed call. */
export async function failure(call: Promise<unknown> | AsyncIterable<unknown>): Promise<string> {
  try {
    if (Symbol.asyncIterator in call) for await (const _ of call);
    else await call;
  } catch (error) {
    const { code, metadata } = error as ServiceError;
    const details = metadata.get('grpc-status-details-bin')[0];
    return `${code} ${Buffer.isBuffer(details) ? decodeErrorInfo(details)?.reason : ''}`;
  }
  return 'OK';
}
