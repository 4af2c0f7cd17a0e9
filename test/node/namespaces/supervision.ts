import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Methods, Response } from './protocol.ts';

/** This side of the supervisor: starts it, calls its methods, ends it. */
export class Supervision {
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #next = 1;

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'supervisor.ts'), {
      detached: true,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child.on('message', (response: Response) => this.#settle(response));
    this.#child.on('exit', (code, signal) => this.#fail(new Error(`the supervisor has ended (${code ?? signal})`)));
    this.#child.on('error', (error) => this.#fail(error));
    this.#rest();
  }

  async call<M extends keyof Methods>(method: M, params: Methods[M]['params']): Promise<Methods[M]['result']> {
    const call = this.#next++;
    this.#child.ref();
    this.#child.channel?.ref();
    return await new Promise<Methods[M]['result']>((resolve, reject) => {
      this.#calls.set(call, { resolve: resolve as (result: unknown) => void, reject });
      this.#child.send({ call, method, params }, (error) => error && this.#settle({ call, error: error.message }));
    });
  }

  /** Resolves when the supervisor is gone, and with it whatever it still had. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.ref();
    if (this.#child.connected) this.#child.disconnect();
    await exited;
  }

  /** While no call waits, the supervisor does not keep this process from ending. */
  #rest(): void {
    this.#child.unref();
    this.#child.channel?.unref();
  }

  #settle({ call, result, error }: Response): void {
    const waiting = this.#calls.get(call);
    this.#calls.delete(call);
    if (this.#calls.size === 0) this.#rest();
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }

  #fail(error: Error): void {
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
    this.#rest();
  }
}
