import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExecutorClient } from '../src/client/executor-client.ts';
import { AgentProcess, settingsOn } from '../test/node/agent-process.ts';
import { cacheDir, chosenEngineSocket, runDir } from '../test/node/cache.ts';
import { type Engine, startEngine, startOwnEngine } from '../test/node/docker-engine.ts';
import { DockerRuntime } from '../test/node/docker-runtime.ts';
import { createCgroup } from '../test/node/namespaces/cgroups.ts';

export type Executor = 'docker' | 'pns';
export const executors: readonly Executor[] = ['docker', 'pns'];

const agentsDir = join(runDir, 'bench-agents');
const upWithinMs = 60_000;
/** So that the limits which keep pods from each other are not what is measured. */
const limits = ['fileBytes=64Gi', 'treeBytes=64Gi', 'treeEntries=10000000', 'streamsPerPod=1000'];
const rates = ['callsPerSecondPerPod=1000000', 'callBurstPerPod=1000000'];

/** Of deploy/daemonset.yaml: Node fits its heap into what it may have, and is killed beyond. */
export const memoryLimit = 512 * 2 ** 20;

/** An agent under measure, as a process of its own. */
export interface BenchAgent {
  readonly executor: Executor;
  readonly pid: number;
  readonly adminSocket: string;
  /** A client on the admin socket that asks about one pod. */
  clientOf(podUid: string): ExecutorClient;
  stop(): Promise<void>;
}

/**
 * Where it all runs: an engine of its own, or the one of DOCKER_HOST, and pods on it. Volumes are on the disk that the
 * caches are on, as a kubelet's are.
 */
export class Stand {
  readonly #engine: Engine;
  readonly runtime: DockerRuntime;
  readonly #nodeOptions: readonly string[];
  readonly #running = new Set<BenchAgent>();
  #closed: Promise<void> | undefined;

  private constructor(engine: Engine, runtime: DockerRuntime, nodeOptions: readonly string[]) {
    this.#engine = engine;
    this.#nodeOptions = nodeOptions;
    this.runtime = runtime;
  }

  /** `nodeOptions`: of the agents' Node, for a profile. */
  static async open(nodeOptions: readonly string[] = []): Promise<Stand> {
    const engine = chosenEngineSocket() === undefined ? await startOwnEngine('bench') : await startEngine();
    try {
      const runtime = await DockerRuntime.open(engine.docker, {
        kubeletDir: cacheDir('bench', 'kubelet'),
        socketsDir: socketsDir('docker'),
      });
      return new Stand(engine, runtime, nodeOptions);
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  get docker(): Engine['docker'] {
    return this.#engine.docker;
  }

  get engineSocket(): string {
    return this.#engine.socketPath;
  }

  /** The docker command on this engine. */
  dockerCommand(...args: string[]): string[] {
    return ['docker', '--host', `unix://${this.engineSocket}`, ...args];
  }

  /**
   * Starts an agent; at most one of each executor at a time. `engineSocket`: another way to the engine. `bounded`: with the
   * limits that an agent has by itself, and the memory that the manifest gives it.
   */
  async agent(
    executor: Executor,
    { engineSocket = this.engineSocket, bounded = false }: { engineSocket?: string; bounded?: boolean } = {},
  ): Promise<BenchAgent> {
    const { DockerRootDir } = await this.docker.info();
    const directory = mkdtempSync(join(tmpdir(), 'podhand-bench-'));
    const places = { kubeletDir: this.runtime.kubeletDir, socketsDir: socketsDir(executor) };
    const settings = [
      ...settingsOn(places, executor),
      `docker.socket=${engineSocket}`,
      `docker.containersDir=${DockerRootDir}/containers`,
      'pns.podSource=docker',
      // Of no meaning to pns.
      'docker.logs=files',
      ...(bounded ? [] : [...limits, ...rates]).map((limit) => `limits.${limit}`),
    ];
    const cgroups = bounded ? await createCgroup(`/podhand-bench-${executor}`, memoryLimit) : [];
    const started = await AgentProcess.start(directory, settings, { cgroups, nodeOptions: this.#nodeOptions });
    const adminSocket = join(dirname(places.socketsDir), 'admin.sock');
    const agent: BenchAgent = {
      executor,
      pid: started.pid,
      adminSocket,
      clientOf: (pod) => new ExecutorClient({ socketPath: adminSocket, pod }),
      stop: async () => {
        this.#running.delete(agent);
        await started.end('SIGTERM');
        for (const cgroup of cgroups) rmdirSync(cgroup);
        rmSync(directory, { recursive: true, force: true });
      },
    };
    this.#running.add(agent);
    return agent;
  }

  /** The directory of a pod's socket of that executor's agent, to be mounted before the agent makes the socket. */
  socketDir(executor: Executor, podUid: string): string {
    const directory = join(socketsDir(executor), podUid);
    mkdirSync(directory, { recursive: true });
    return directory;
  }

  /** May be called twice: a signal may come while it closes. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const agent of this.#running) await agent.stop();
    await this.runtime.close();
    await this.#engine.close();
    for (const directory of [agentsDir, cacheDir('bench')]) rmSync(directory, { recursive: true, force: true });
  }
}

function socketsDir(executor: Executor): string {
  return join(agentsDir, executor, 'pods');
}

/** Until the agent knows that the container has started. */
export async function known(client: ExecutorClient, name: string): Promise<void> {
  const until = performance.now() + upWithinMs;
  for (;;) {
    const list = await client.listContainers().catch(() => undefined);
    const found = list?.containers.find((container) => container.name === name);
    if (found !== undefined && found.state !== 'CONTAINER_STATE_WAITING') return;
    if (performance.now() > until) throw new Error(`the agent does not know container ${name}`);
    await sleep(20);
  }
}

export async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}
