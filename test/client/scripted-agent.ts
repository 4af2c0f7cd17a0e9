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
import { podhand, type Run, type Started } from './command-line.ts';

export type Handlers = UntypedServiceImplementation;

/** How a handler of a call without a stream answers. */
export type Answer = (error: object | null, response?: object) => void;

/** What a handler has of a call that it answers by a stream. */
export interface Streaming<Request = Record<string, unknown>> {
  readonly request: Request;
  write(message: object): void;
  end(): void;
  emit(name: 'error', error: object): void;
}

/** The real contract on a real socket, with answers that a test writes: for faults that an agent has rarely. */
export class ScriptedAgent {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'podhand-client-'));
  readonly socketPath: string;
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

  /** The command on this agent's socket, in its directory. */
  podhand(...args: string[]): Started {
    return podhand(['--socket', this.socketPath, ...args], { cwd: this.directory });
  }

  run(...args: string[]): Promise<Run> {
    return this.podhand(...args).done;
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

/** A handler that writes these messages, and ends. */
export function stream(...messages: object[]): (call: Streaming) => void {
  return (call) => {
    for (const message of messages) call.write(message);
    call.end();
  };
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
