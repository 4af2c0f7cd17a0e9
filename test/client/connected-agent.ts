import { expect } from 'vitest';
import { ExecutorClient, type ExecutorClientOptions } from '../../src/client/executor-client.ts';
import { PodhandError } from '../../src/wire/errors.ts';
import { type Answer, type Handlers, ScriptedAgent } from './scripted-agent.ts';

/** A scripted agent with the clients that a test connects to it. */
export class ConnectedAgent extends ScriptedAgent {
  readonly #clients: ExecutorClient[] = [];

  connect(options: Partial<ExecutorClientOptions> = {}): ExecutorClient {
    const client = new ExecutorClient({ socketPath: this.socketPath, ...options });
    this.#clients.push(client);
    return client;
  }

  override [Symbol.dispose](): void {
    for (const client of this.#clients) client.close();
    super[Symbol.dispose]();
  }
}

export const info: Handlers = { GetInfo: (_call: unknown, answer: Answer) => answer(null, { agentVersion: '1.2.3' }) };

export async function all<Message>(stream: AsyncIterable<Message>): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}

export function failure(promise: Promise<unknown>): Promise<PodhandError> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(PodhandError);
      return error as PodhandError;
    },
  );
}
