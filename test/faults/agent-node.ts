import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ExecutorClient } from '../../src/client/executor-client.ts';
import { type Engine, startEngine } from '../node/docker-engine.ts';
import { DockerRuntime } from '../node/docker-runtime.ts';
import type { TestPod } from '../node/pods.ts';
import { AgentProcess } from '../sockets/agent-process.ts';

/** A node with a real Docker engine, and an agent in a process of its own that may die at any moment. */
export class AgentNode {
  readonly runtime: DockerRuntime;
  /** Has the agent's log and, unless a test says otherwise, its state. */
  readonly directory: string;
  readonly #engine: Engine;
  readonly #settings: readonly string[];
  readonly #clients: ExecutorClient[] = [];
  #agent: AgentProcess | undefined;

  private constructor(engine: Engine, runtime: DockerRuntime, directory: string, settings: readonly string[]) {
    this.#engine = engine;
    this.runtime = runtime;
    this.directory = directory;
    this.#settings = settings;
  }

  static async open(settings: readonly string[] = []): Promise<AgentNode> {
    const engine = await startEngine();
    const directory = mkdtempSync(join(tmpdir(), 'podhand-faults-'));
    const runtime = await DockerRuntime.open(engine.docker, {
      socketsDir: join(directory, 'run/pods'),
      kubeletDir: join(directory, 'kubelet'),
    });
    const own = [
      'containerRuntimeExecutor=docker',
      `docker.socket=${engine.socketPath}`,
      `runDir=${dirname(runtime.socketsDir)}`,
      `kubelet.directory=${runtime.kubeletDir}`,
      'drain=1s',
    ];
    return new AgentNode(engine, runtime, directory, [...own, ...settings]);
  }

  get agent(): AgentProcess {
    if (this.#agent === undefined) throw new Error('the agent was not started');
    return this.#agent;
  }

  async start(): Promise<void> {
    this.#agent = await AgentProcess.start(this.directory, this.#settings);
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
