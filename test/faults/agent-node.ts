import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ExecutorClient } from '../../src/client/executor-client.ts';
import { AgentProcess } from '../node/agent-process.ts';
import { type Engine, startEngine } from '../node/docker-engine.ts';
import { DockerRuntime } from '../node/docker-runtime.ts';
import type { TestPod } from '../node/pods.ts';

export interface AgentNodeOptions {
  /** docker if absent. pns takes its pods from the engine. */
  readonly executor?: 'docker' | 'pns';
  readonly settings?: readonly string[];
  /** The agent's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A node with a real Docker engine, and an agent in a process of its own that may die at any moment. */
export class AgentNode {
  readonly runtime: DockerRuntime;
  /** Has the agent's log and, unless a test says otherwise, its state. */
  readonly directory: string;
  readonly #engine: Engine;
  readonly #settings: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #clients: ExecutorClient[] = [];
  #agent: AgentProcess | undefined;

  private constructor(
    engine: Engine,
    runtime: DockerRuntime,
    directory: string,
    settings: readonly string[],
    env: Readonly<Record<string, string>>,
  ) {
    this.#engine = engine;
    this.runtime = runtime;
    this.directory = directory;
    this.#settings = settings;
    this.#env = env;
  }

  static async open({ executor = 'docker', settings = [], env = {} }: AgentNodeOptions = {}): Promise<AgentNode> {
    const engine = await startEngine();
    const directory = mkdtempSync(join(tmpdir(), 'podhand-faults-'));
    const runtime = await DockerRuntime.open(engine.docker, {
      socketsDir: join(directory, 'run/pods'),
      kubeletDir: join(directory, 'kubelet'),
    });
    const { DockerRootDir } = await engine.docker.info();
    const own = [
      `containerRuntimeExecutor=${executor}`,
      'pns.podSource=docker',
      `docker.socket=${engine.socketPath}`,
      `docker.containersDir=${DockerRootDir}/containers`,
      `runDir=${dirname(runtime.socketsDir)}`,
      `kubelet.directory=${runtime.kubeletDir}`,
      'drain=1s',
    ];
    return new AgentNode(engine, runtime, directory, [...own, ...settings], env);
  }

  get agent(): AgentProcess {
    if (this.#agent === undefined) throw new Error('the agent was not started');
    return this.#agent;
  }

  async start(): Promise<void> {
    this.#agent = await AgentProcess.start(this.directory, this.#settings, { env: this.#env });
  }

  /** As the kernel kills for want of memory: nothing is said and nothing is cleaned up. Then it is started again. */
  async killAndStart(): Promise<void> {
    await this.agent.end('SIGKILL');
    await this.start();
  }

  /** On the admin socket. */
  client(pod: TestPod): ExecutorClient {
    const client = new ExecutorClient({ socketPath: join(this.directory, 'run/admin.sock'), pod: pod.uid });
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.#agent?.end('SIGTERM');
    await this.runtime.close();
    await this.#engine.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
