/**
 * Runs in a container of a pod and makes the calls that a test asks for: `node caller-program.ts SOCKET`. It listens
 * there; each line is an Attempt, each answer a line with an Outcome. What an attacker in the pod could send, it sends.
 */
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { credentials, Metadata, makeClientConstructor, type ServiceError } from '@grpc/grpc-js';
import { decodeErrorInfo } from '../../src/wire/error-info.ts';
import type { ExecutorServiceClient } from '../../src/wire/generated/podhand/v1/ExecutorService.ts';
import { loadExecutorService } from '../../src/wire/load.ts';

type Rpc =
  | 'getInfo'
  | 'listContainers'
  | 'wait'
  | 'kill'
  | 'streamLogs'
  | 'readFile'
  | 'collectArtifact'
  | 'saveArtifact'
  | 'resolveEntrypoint'
  | 'watchStats';

export interface Attempt {
  readonly rpc: Rpc;
  /** As JSON: bytes are base64. */
  readonly request: object;
  readonly metadata?: Readonly<Record<string, string>>;
  /** As the container sees it; default the pod's own. */
  readonly socket?: string;
}

export interface Outcome {
  /** `OK`, or code and reason. */
  readonly result: string;
  readonly message: string;
  /** Everything that was answered, bytes as latin1. */
  readonly answered: string;
}

type Answer = (error: ServiceError | null, response?: unknown) => void;
type AnyMethod = (request: object, metadata: Metadata, options: object, answer?: Answer) => AsyncIterable<unknown>;

const unary: readonly Rpc[] = ['getInfo', 'listContainers', 'kill', 'resolveEntrypoint'];

async function make({ rpc, request, metadata = {}, socket = '/run/podhand/agent.sock' }: Attempt): Promise<Outcome> {
  const Constructor = makeClientConstructor(loadExecutorService().definition, 'ExecutorService');
  const client = new Constructor(`unix:${socket}`, credentials.createInsecure()) as unknown as ExecutorServiceClient;
  const method = (client[rpc] as unknown as AnyMethod).bind(client);
  const sent = new Metadata();
  for (const [key, value] of Object.entries(metadata)) sent.set(key, value);
  const options = { deadline: Date.now() + 10_000 };
  const answered: string[] = [];
  const take = (response: unknown) => void answered.push(JSON.stringify(readable(response)));
  try {
    if (unary.includes(rpc)) {
      await new Promise<void>((resolve, reject) => {
        method(request, sent, options, (error, response) => {
          if (error) return reject(error);
          take(response);
          resolve();
        });
      });
    } else {
      for await (const response of method(request, sent, options)) take(response);
    }
    return { result: 'OK', message: '', answered: answered.join('\n') };
  } catch (error) {
    const { code, details, metadata: trailers } = error as ServiceError;
    const info = trailers?.get('grpc-status-details-bin')[0];
    const reason = Buffer.isBuffer(info) ? decodeErrorInfo(info)?.reason : '';
    return { result: `${code} ${reason}`, message: details, answered: answered.join('\n') };
  } finally {
    client.close();
  }
}

function readable(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, readable(inner)]));
}

createServer((connection) => {
  connection.on('error', () => connection.destroy());
  createInterface({ input: connection }).on('line', async (line) => {
    connection.write(`${JSON.stringify(await make(JSON.parse(line) as Attempt))}\n`);
  });
}).listen(process.argv[2]);
