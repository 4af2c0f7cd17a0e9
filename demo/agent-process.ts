import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { TestRuntime } from '../test/node/pods.ts';
import type { DemoNode } from './node.ts';

const bin = fileURLToPath(new URL('../bin/podhand', import.meta.url));
const upWithinMs = 30_000;

/** Where an agent runs, and how. */
export interface AgentPlace extends Pick<DemoNode, 'executor' | 'settings'> {
  readonly runtime: Pick<TestRuntime, 'kubeletDir' | 'socketsDir'>;
  /** Options of Node itself. */
  readonly nodeOptions?: readonly string[];
}

/** The agent as a process of its own, as on a node. */
export class AgentProcess {
  readonly adminSocket: string;
  readonly #child: ChildProcess;
  readonly #logFile: string;

  private constructor(child: ChildProcess, adminSocket: string, logFile: string) {
    this.#child = child;
    this.adminSocket = adminSocket;
    this.#logFile = logFile;
  }

  /** Resolves once the admin socket is there. */
  static async start(node: AgentPlace, directory: string): Promise<AgentProcess> {
    const runDir = dirname(node.runtime.socketsDir);
    const settings = [
      `containerRuntimeExecutor=${node.executor}`,
      `runDir=${runDir}`,
      `stateDir=${directory}/state`,
      `kubelet.directory=${node.runtime.kubeletDir}`,
      ...node.settings,
    ];
    // One that a killed run left would look like an agent that is up.
    rmSync(join(runDir, 'admin.sock'), { force: true });
    const logFile = join(directory, 'agent.log');
    const log = openSync(logFile, 'w');
    const args = [...(node.nodeOptions ?? []), bin, 'agent', ...settings.flatMap((setting) => ['--set', setting])];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', log, log],
      env: {},
    });
    const agent = new AgentProcess(child, join(runDir, 'admin.sock'), logFile);
    const until = Date.now() + upWithinMs;
    while (!existsSync(agent.adminSocket)) {
      agent.assertAlive();
      if (Date.now() > until) throw new Error(`the agent is not up after ${upWithinMs / 1000} s\n${agent.logTail()}`);
      await sleep(50);
    }
    return agent;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  assertAlive(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) return;
    throw new Error(`the agent has ended (${this.#child.exitCode ?? this.#child.signalCode})\n${this.logTail()}`);
  }

  /** SIGTERM, and its end. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await ended;
  }

  /** The last lines of its log. */
  logTail(): string {
    return readFileSync(this.#logFile, 'utf8').split('\n').slice(-20).join('\n');
  }
}

/** Runs the client, its output on ours; rejects where it fails. */
export function podhand(...args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'inherit', 'inherit'], env: {} });
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`podhand ${args.join(' ')}: exit code ${code}`)),
    );
  });
}
