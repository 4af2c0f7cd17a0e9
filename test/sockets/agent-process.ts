import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../conformance/subject.ts';

const bin = fileURLToPath(new URL('../../bin/podhand', import.meta.url));

/** The agent as a process of its own: its descriptors can be counted, and it can be killed. */
export class AgentProcess {
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(child: ChildProcess, directory: string) {
    this.#child = child;
    this.#directory = directory;
  }

  /** Resolves once it is up. Log and metrics socket are in `directory`; the log of an earlier one goes on. */
  static async start(
    directory: string,
    settings: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<AgentProcess> {
    const own = [`stateDir=${directory}/state`, `metrics.listen=unix:${directory}/metrics.sock`, ...settings];
    const log = openSync(join(directory, 'agent.log'), 'a');
    const child = spawn(process.execPath, [bin, 'agent', ...own.flatMap((each) => ['--set', each])], {
      stdio: ['ignore', log, log],
      env,
    });
    const agent = new AgentProcess(child, directory);
    const before = agent.logged('agent is up').length;
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(`the agent has ended\n${agent.#log()}`);
      return agent.logged('agent is up').length > before;
    });
    return agent;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** By kind of what they lead to: `socket`, `/dev/null`, a path... */
  descriptors(): string[] {
    const directory = `/proc/${this.#child.pid}/fd`;
    return readdirSync(directory).flatMap((fd) => {
      try {
        return [readlinkSync(join(directory, fd))];
      } catch {
        // Closed since it was listed.
        return [];
      }
    });
  }

  /** Lines of the log with this message. */
  logged(message: string): Record<string, unknown>[] {
    const lines = this.#log()
      .split('\n')
      .filter((line) => line.startsWith('{'));
    return lines.map((line): Record<string, unknown> => JSON.parse(line)).filter(({ msg }) => msg === message);
  }

  /** The sum of a metric over the lines that have all of `labels`, each as `name="value"`. */
  async metric(name: string, ...labels: string[]): Promise<number> {
    const call = request({ socketPath: join(this.#directory, 'metrics.sock'), path: '/metrics' }).end();
    const [response] = await once(call, 'response');
    let text = '';
    for await (const chunk of response) text += chunk;
    const lines = text.split('\n').filter((line) => new RegExp(`^${name}[{ ]`).test(line));
    return lines
      .filter((line) => labels.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (!this.alive) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }

  #log(): string {
    const path = join(this.#directory, 'agent.log');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }
}
