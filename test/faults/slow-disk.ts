import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { ensureFiles } from '../node/debian.ts';
import { becomes } from '../node/processes.ts';

const strace = '/usr/bin/strace';
const delayedBy = 600_000_000;

/** As a disk that a neighbour keeps busy: what a process syncs does not come to an end within ten minutes. */
export class SlowDisk {
  readonly #tracer: ChildProcess;

  private constructor(tracer: ChildProcess) {
    this.#tracer = tracer;
  }

  static async of(pid: number): Promise<SlowDisk> {
    await ensureFiles([strace], ['strace']);
    const delay = `inject=fdatasync:delay_enter=${delayedBy}`;
    const options = ['-f', '-e', 'trace=fdatasync', '-e', delay, '-o', '/dev/null', '-p', `${pid}`];
    const tracer = spawn(strace, options, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    tracer.stderr?.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    if (await becomes(() => said.includes('attached'), 30_000)) return new SlowDisk(tracer);
    tracer.kill('SIGKILL');
    throw new Error(`process ${pid} cannot be traced: ${said}`);
  }

  async end(): Promise<void> {
    if (this.#tracer.exitCode !== null || this.#tracer.signalCode !== null) return;
    const ended = once(this.#tracer, 'exit');
    this.#tracer.kill('SIGKILL');
    await ended;
  }
}
