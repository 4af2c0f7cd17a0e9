import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerSpec, TestContainer } from '../../node/pods.ts';
import { run } from '../../node/processes.ts';
import type { ContainerStatus } from '../pod-objects.ts';
import type { ClusterPod } from './cluster-pod.ts';

/** A container of a real pod. */
export class ClusterContainer implements TestContainer {
  readonly name: string;
  readonly spec: ContainerSpec;
  readonly #pod: ClusterPod;
  #id: string | undefined;

  constructor(pod: ClusterPod, spec: ContainerSpec) {
    this.#pod = pod;
    this.spec = spec;
    this.name = spec.name;
  }

  get id(): string {
    if (this.#id === undefined) throw new Error(`container ${this.name} was not started`);
    return this.#id;
  }

  get restartCount(): number {
    return 0;
  }

  async start(): Promise<void> {
    await this.#pod.create();
    await this.begun();
    await this.#pod.openGate(this.name);
  }

  /** Resolves once it runs, or has run. */
  async begun(): Promise<void> {
    const status = await this.#until(({ state }) => state.running !== undefined || state.terminated !== undefined);
    this.#id = status.containerID?.replace(/^.*:\/\//, '');
  }

  async pid(): Promise<number> {
    // Numbers begin anew at some time: the first in the list need not be the first that was there.
    const pids = readFileSync(join(this.#cgroup(), 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
    const first = pids.find((pid) => /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')));
    if (first === undefined) throw new Error(`container ${this.name} has no first process`);
    return Number(first);
  }

  async exited(): Promise<{ exitCode: number }> {
    const { state } = await this.#until((status) => status.state.terminated !== undefined);
    return { exitCode: state.terminated?.exitCode ?? -1 };
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    try {
      process.kill(await this.pid(), signal);
    } catch (error) {
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }

  async logPath(): Promise<string> {
    const { cluster, namespace, name, uid } = this.#pod;
    return join(cluster.podLogsDir, `${namespace}_${name}_${uid}`, this.name, '0.log');
  }

  async exec(command: readonly string[]): Promise<{ exitCode: number; stdout: Buffer; stderr: Buffer }> {
    const { cluster, namespace, name } = this.#pod;
    const argv = cluster.kubectl.argv('exec', `--namespace=${namespace}`, name, `--container=${this.name}`, '--');
    return await run([...argv, ...command]);
  }

  /** A kubelet keeps what has ended as long as its pod is there: `force` kills, and that is all. */
  async remove(force = false): Promise<void> {
    if (force) await this.signal('SIGKILL');
  }

  async #until(wanted: (status: ContainerStatus) => boolean): Promise<ContainerStatus> {
    return await this.#pod.until(this.name, wanted);
  }

  /** The runtime and the class of service decide where it is. */
  #cgroup(): string {
    const below = join('/sys/fs/cgroup/pids', this.#pod.cluster.cgroup, 'kubepods');
    const pods = [below, join(below, 'besteffort'), join(below, 'burstable')].map((dir) =>
      join(dir, `pod${this.#pod.uid}`),
    );
    for (const dir of pods) if (list(dir).includes(this.id)) return join(dir, this.id);
    throw Object.assign(new Error(`container ${this.name} has no cgroup`), { code: 'ENOENT' });
  }
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    // A pod is of one class only.
    return [];
  }
}
