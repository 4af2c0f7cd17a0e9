import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { encodeErrorInfo } from '../../src/wire/error-info.ts';
import type { PodhandError } from '../../src/wire/errors.ts';
import { loadExecutorService } from '../../src/wire/load.ts';

export type Handlers = UntypedServiceImplementation;

/** The real contract on a real socket, with answers that a test writes: for faults that an agent has rarely. */
export class ScriptedAgent {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'podhand-client-'));
  readonly socketPath: string;
  /** Metadata of the calls, in order. */
  readonly calls: { path: string; pod: string | undefined }[] = [];
  #server: Server | undefined;

  constructor(socketName = 'agent.sock') {
    this.socketPath = join(this.directory, socketName);
  }

  async start(handlers: Handlers, bindPath: string = this.socketPath): Promise<void> {
    const server = new Server();
    const { definition } = loadExecutorService();
    const missing = Object.keys(definition).filter((name) => !(name in handlers));
    server.addService(definition, { ...handlers, ...Object.fromEntries(missing.map((name) => [name, unexpected])) });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${bindPath}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
    this.#server = server;
  }

  /** As a killed agent: connections drop, the socket's file stays away. */
  stop(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
  }

  [Symbol.dispose](): void {
    this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** What the agent's adapter makes of an error. */
export function statusOf(error: PodhandError): { code: number; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', encodeErrorInfo(error));
  return { code: error.code, details: error.message, metadata };
}

/** Writes messages at the reader's pace until it has written all of them, or the call is over. */
export async function writeAll(
  call: ServerWritableStream<unknown, unknown>,
  messages: Iterable<object>,
): Promise<number> {
  let written = 0;
  let over = false;
  const ended = new Promise<void>((resolve) => {
    call.once('cancelled', () => {
      over = true;
      resolve();
    });
  });
  for (const message of messages) {
    if (over) return written;
    written += 1;
    if (!call.write(message)) await Promise.race([ended, new Promise((resolve) => call.once('drain', resolve))]);
  }
  return written;
}

function unexpected(call: { emit(name: string, error: object): void }): void {
  call.emit('error', { code: 12, details: 'the test did not expect this call' });
}
