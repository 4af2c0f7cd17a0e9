import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutorName } from '../../src/agent/executors/roles.ts';
import type { TestRuntime } from './pods.ts';
import { becomes } from './processes.ts';

const bin = fileURLToPath(new URL('../../bin/podhand', import.meta.url));

/** What the image gives it. */
const imageEnvironment = { MALLOC_ARENA_MAX: '2' };

export interface AgentStart {
  readonly env?: Readonly<Record<string, string>>;
  /** Directories of the cgroups that it is in from its start. */
  readonly cgroups?: readonly string[];
  /** Options of Node itself. */
  readonly nodeOptions?: readonly string[];
}

/** What an agent for the pods of that runtime needs to know of it, but for what is special to the executor. */
export function settingsOn(
  { kubeletDir, socketsDir }: Pick<TestRuntime, 'kubeletDir' | 'socketsDir'>,
  executor: ExecutorName,
): string[] {
  return [`containerRuntimeExecutor=${executor}`, `runDir=${dirname(socketsDir)}`, `kubelet.directory=${kubeletDir}`];
}

/** The agent as a process of its own: its descriptors can be counted, and it can be killed. */
export class AgentProcess {
  readonly #child: ChildProcess;
  readonly #directory: string;
  /** Bytes of the log that an earlier one wrote. */
  readonly #logFrom: number;

  private constructor(child: ChildProcess, directory: string, logFrom: number) {
    this.#child = child;
    this.#directory = directory;
    this.#logFrom = logFrom;
  }

  /** Resolves once it is up. Log and metrics socket are in `directory`; the log of an earlier one goes on. */
  static async start(directory: string, settings: readonly string[], options: AgentStart = {}): Promise<AgentProcess> {
    const agent = AgentProcess.spawn(directory, settings, options);
    await agent.up();
    return agent;
  }

  /** The same, not up yet. */
  static spawn(
    directory: string,
    settings: readonly string[],
    { env = {}, cgroups = [], nodeOptions = [] }: AgentStart = {},
  ): AgentProcess {
    const own = [`stateDir=${directory}/state`, `metrics.listen=unix:${directory}/metrics.sock`, ...settings];
    const log = openSync(join(directory, 'agent.log'), 'a');
    const logFrom = fstatSync(log).size;
    const joins = cgroups.map((cgroup) => `echo $$ > ${cgroup}/cgroup.procs && `).join('');
    const command = [process.execPath, ...nodeOptions, bin, 'agent', ...own.flatMap((each) => ['--set', each])];
    const child = spawn('/bin/sh', ['-c', `${joins}exec "$@"`, 'sh', ...command], {
      stdio: ['ignore', log, log],
      env: { ...imageEnvironment, ...env },
    });
    closeSync(log);
    return new AgentProcess(child, directory, logFrom);
  }

  async up(withinMs = 100_000): Promise<void> {
    const isUp = () => {
      if (!this.alive) throw new Error(`the agent has ended\n${this.#log()}`);
      const said = readFileSync(join(this.#directory, 'agent.log')).subarray(this.#logFrom);
      return said.includes('"msg":"agent is up"');
    };
    if (await becomes(isUp, withinMs)) return;
    await this.end('SIGKILL');
    throw new Error(`the agent is not up\n${this.#log()}`);
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

  /** The last lines of its log. */
  logTail(): string {
    return this.#log().split('\n').slice(-20).join('\n');
  }

  #log(): string {
    const path = join(this.#directory, 'agent.log');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }
}
