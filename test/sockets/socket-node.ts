import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../conformance/subject.ts';
import { AgentProcess } from '../node/agent-process.ts';
import { mountsBelow, unmountBelow } from '../node/mounts.ts';
import { NamespaceRuntime } from '../node/namespace-runtime.ts';
import type { ContainerSpec, TestContainer, TestPod } from '../node/pods.ts';
import { must, run } from '../node/processes.ts';

export interface Answer {
  readonly exitCode: number;
  readonly output: string;
}

/** A node of plain namespaces whose kubelet is the test: it makes and removes the pods' volumes. */
export class SocketNode {
  readonly directory: string;
  readonly runtime: NamespaceRuntime;
  readonly #settings: readonly string[];
  #agent: AgentProcess | undefined;

  private constructor(directory: string, runtime: NamespaceRuntime, settings: readonly string[]) {
    this.directory = directory;
    this.runtime = runtime;
    this.#settings = settings;
  }

  static async open(settings: readonly string[] = []): Promise<SocketNode> {
    const directory = mkdtempSync(join(tmpdir(), 'podhand-sockets-'));
    const dirs = {
      kubeletDir: join(directory, 'kubelet'),
      socketsDir: join(directory, 'run/pods'),
      logDir: join(directory, 'log'),
    };
    mkdirSync(join(dirs.kubeletDir, 'pods'), { recursive: true, mode: 0o750 });
    const node = new SocketNode(directory, await NamespaceRuntime.open(dirs), [
      'containerRuntimeExecutor=pns',
      `runDir=${directory}/run`,
      `kubelet.directory=${dirs.kubeletDir}`,
      `nodeLogs.podsDir=${dirs.logDir}/pods`,
      `nodeLogs.containersDir=${dirs.logDir}/containers`,
      'pods.forgetAfter=200ms',
      'sockets.checkEvery=100ms',
      'drain=1s',
      ...settings,
    ]);
    await node.startAgent();
    return node;
  }

  get agent(): AgentProcess {
    if (this.#agent === undefined) throw new Error('the agent is not started');
    return this.#agent;
  }

  /** Later settings win. */
  async startAgent(settings: readonly string[] = []): Promise<void> {
    await this.spawnAgent(settings).up();
  }

  /** The same, not up yet. */
  spawnAgent(settings: readonly string[] = []): AgentProcess {
    this.#agent = AgentProcess.spawn(this.directory, [...this.#settings, ...settings]);
    return this.#agent;
  }

  /** Beside the first, with a run directory of its own; ended by who asked for it. */
  async anotherAgent(): Promise<AgentProcess> {
    const directory = join(this.directory, 'another');
    mkdirSync(directory);
    return await AgentProcess.start(directory, [...this.#settings, `runDir=${directory}/run`]);
  }

  volumesDir(pod: { uid: string }): string {
    return join(this.runtime.kubeletDir, 'pods', pod.uid, 'volumes/kubernetes.io~empty-dir');
  }

  /** Where a pod's emptyDir is, whether it is there or not. */
  volumeDir(pod: { uid: string }, volume = 'podhand'): string {
    return join(this.volumesDir(pod), volume);
  }

  /** An emptyDir as a kubelet makes it: directory by directory; in memory it is mounted on a directory that is there. */
  async makeVolume(pod: { uid: string }, volume = 'podhand', medium: '' | 'Memory' = ''): Promise<string> {
    const directory = this.volumeDir(pod, volume);
    mkdirSync(this.volumesDir(pod), { recursive: true, mode: 0o750 });
    mkdirSync(directory, { mode: 0o777 });
    if (medium === 'Memory') await must(['mount', '-t', 'tmpfs', 'tmpfs', directory]);
    chmodSync(directory, 0o777);
    return directory;
  }

  /** As a kubelet ends a pod: containers first, then volumes, then what is the pod's on the node. */
  async removePod(pod: TestPod, containers: readonly TestContainer[]): Promise<void> {
    for (const container of containers) {
      await container.signal('SIGKILL');
      await container.exited();
    }
    for (const volume of readdirSync(this.volumesDir(pod))) {
      const directory = join(this.volumesDir(pod), volume);
      const isMount = (await mountsBelow(directory)).length > 0;
      if (isMount) await eventually(async () => (await run(['umount', directory])).exitCode === 0);
      rmSync(directory, { recursive: true });
    }
    await pod.remove();
  }

  /** What the command says in a new container of the pod, which has the volume at /run/podhand. */
  async ask(
    pod: TestPod,
    args: readonly string[],
    spec: Partial<ContainerSpec> & { readonly volume?: string } = {},
  ): Promise<Answer> {
    const { volume = 'podhand', ...rest } = spec;
    const container = await pod.run({
      name: `asks-${nextName()}`,
      image: 'node',
      command: ['/usr/bin/node', '/podhand/bin/podhand', ...args],
      volumes: [{ volume, mountPath: '/run/podhand' }],
      checkout: true,
      ...rest,
    });
    const { exitCode } = await container.exited();
    return { exitCode, output: await outputOf(await container.logPath()) };
  }

  async close(): Promise<void> {
    await this.#agent?.end('SIGTERM');
    await this.runtime.close();
    await unmountBelow(this.directory);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** What a container has written, from its CRI log. */
async function outputOf(logPath: string): Promise<string> {
  const lines = (await readFile(logPath, 'utf8')).split('\n').filter(Boolean);
  return lines
    .map((line) => {
      const [, , tag = '', ...text] = line.split(' ');
      return `${text.join(' ')}${tag === 'F' ? '\n' : ''}`;
    })
    .join('');
}

const nextName = (() => {
  let next = 0;
  return () => next++;
})();
