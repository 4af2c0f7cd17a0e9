import { once } from 'node:events';
import { type CallOptions, ExecutorClient } from '../executor-client.ts';
import { document, type OutputFormat } from '../output/document.ts';
import type { Plain } from '../output/plain.ts';
import { printable } from '../output/text.ts';
import type { Interruption } from './interruption.ts';
import { type GlobalOptions, socketOf } from './settings.ts';

/** What a command works with: the agent, the caller's patience, and the two ways to say something. */
export class Session {
  readonly client: ExecutorClient;
  readonly interruption: Interruption;
  readonly format: OutputFormat;
  readonly quiet: boolean;
  readonly #deadline: Date | undefined;

  constructor(options: GlobalOptions, interruption: Interruption, env: NodeJS.ProcessEnv) {
    this.interruption = interruption;
    this.format = options.output ?? 'table';
    this.quiet = options.quiet === true;
    this.#deadline = options.timeout === undefined ? undefined : new Date(Date.now() + options.timeout);
    this.client = new ExecutorClient({
      socketPath: socketOf(options, env),
      ...(options.pod === undefined ? {} : { pod: options.pod }),
      traceparent: env.TRACEPARENT,
      retryFor: options.retryFor,
      onOutage: (error) =>
        this.note(`${error.reason === 'AGENT_UNREACHABLE' ? 'agent unreachable' : error.message}, trying again`),
    });
  }

  /** For every call of the command: ended by a signal, and by --timeout. */
  get call(): CallOptions {
    const { signal } = this.interruption;
    return this.#deadline === undefined ? { signal } : { signal, deadline: this.#deadline };
  }

  /** Writes to stdout, no faster than it is read. */
  write(data: string | Uint8Array): Promise<void> {
    return writeTo(process.stdout, data, this.interruption.signal);
  }

  /** Writes to stderr, no faster than it is read; for a container's own stderr. */
  writeError(data: string | Uint8Array): Promise<void> {
    return writeTo(process.stderr, data, this.interruption.signal);
  }

  /** Prints the value as JSON or YAML where that was asked for, else the table. */
  async print(value: Plain, table: () => string): Promise<void> {
    await this.write(this.format === 'table' ? table() : await document(value, this.format));
  }

  /** A line on stderr about what goes on; nothing with --quiet. With `-o json` a line of JSON, as failures are. */
  note(line: string): void {
    if (this.quiet) return;
    process.stderr.write(
      this.format === 'json' ? `${JSON.stringify({ note: line })}\n` : `podhand: ${printable(line)}\n`,
    );
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}

async function writeTo(stream: NodeJS.WriteStream, data: string | Uint8Array, signal: AbortSignal): Promise<void> {
  if (!stream.write(data)) await once(stream, 'drain', { signal });
}
