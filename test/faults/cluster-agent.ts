import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutorName } from '../../src/agent/executors/roles.ts';
import { ExecutorClient } from '../../src/client/executor-client.ts';
import type { openCluster } from '../conformance/cluster-flavours.ts';
import { AgentProcess } from '../node/agent-process.ts';
import type { TestPod } from '../node/pods.ts';
import { becomes } from '../node/processes.ts';

export type OpenedCluster = Awaited<ReturnType<typeof openCluster>>;

const knownWithinMs = 60_000;

/** An agent in a process of its own on the node of a real cluster, asked on its admin socket. */
export class ClusterAgent {
  readonly executor: ExecutorName;
  readonly process: AgentProcess;
  /** Where it could mount something. */
  readonly mountDirs: readonly string[];
  readonly #directory: string;
  readonly #runDir: string;
  readonly #clients: ExecutorClient[] = [];

  private constructor(
    opened: OpenedCluster,
    executor: ExecutorName,
    directory: string,
    runDir: string,
    process: AgentProcess,
  ) {
    this.executor = executor;
    this.#directory = directory;
    this.#runDir = runDir;
    this.mountDirs = [opened.cluster.kubeletDir, directory, runDir];
    this.process = process;
  }

  static async start(
    opened: OpenedCluster,
    executor: ExecutorName,
    settings: readonly string[] = [],
    cgroups: readonly string[] = [],
  ): Promise<ClusterAgent> {
    const { cluster, runtime, dockerContainers } = opened;
    const directory = mkdtempSync(join(tmpdir(), 'podhand-faults-'));
    const runDir = join(directory, 'run');
    const all = [
      `containerRuntimeExecutor=${executor}`,
      `nodeName=${cluster.nodeName}`,
      `runDir=${runDir}`,
      `kubelet.directory=${runtime.kubeletDir}`,
      `cgroup.roots=${join(cluster.cgroup, 'kubepods')}`,
      ...opened.kubelet,
      ...opened.k8sapi,
      `nodeLogs.podsDir=${cluster.podLogsDir}`,
      `nodeLogs.containersDir=${cluster.containerLogsDir}`,
      ...(dockerContainers === ''
        ? []
        : [`docker.socket=${cluster.runtimeSocket}`, `docker.containersDir=${dockerContainers}`]),
      'drain=1s',
      'pods.forgetAfter=1s',
      'hold.afterExit=1s',
      ...settings,
    ];
    const agent = await AgentProcess.start(directory, all, { cgroups });
    return new ClusterAgent(opened, executor, directory, runDir, agent);
  }

  /** One connection to the admin socket, for calls about that pod. */
  client(pod: TestPod): ExecutorClient {
    const client = new ExecutorClient({
      socketPath: join(this.#runDir, 'admin.sock'),
      pod: pod.uid,
      retryFor: 120_000,
    });
    this.#clients.push(client);
    return client;
  }

  podSocket(pod: TestPod): string {
    return join(this.#runDir, 'pods', pod.uid, 'agent.sock');
  }

  /** On the pod's own socket, of an agent that has `callers.witness=none`: we are not in the pod. */
  podClient(pod: TestPod): ExecutorClient {
    const client = new ExecutorClient({ socketPath: this.podSocket(pod) });
    this.#clients.push(client);
    return client;
  }

  /** Until the agent has heard of it: on the admin socket only a known pod can be asked about. */
  async known(pod: TestPod): Promise<void> {
    const client = new ExecutorClient({ socketPath: join(this.#runDir, 'admin.sock'), pod: pod.uid });
    const isKnown = () =>
      client.getInfo().then(
        () => true,
        () => false,
      );
    try {
      if (!(await becomes(isKnown, knownWithinMs))) throw new Error(`the agent does not know pod ${pod.name}`);
    } finally {
      client.close();
    }
  }

  closeClients(): void {
    for (const client of this.#clients.splice(0)) client.close();
  }

  async close(): Promise<void> {
    this.closeClients();
    await this.process.end('SIGTERM');
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
