import type { TestContainer } from '../pods.ts';
import { run } from '../processes.ts';
import type { Bundle } from './protocol.ts';
import type { Supervision } from './supervision.ts';

export class NamespaceContainer implements TestContainer {
  readonly id: string;
  readonly name: string;
  readonly restartCount: number;
  readonly #supervision: Supervision;
  readonly #bundle: Bundle;
  readonly #pid: number;

  constructor(supervision: Supervision, bundle: Bundle, name: string, restartCount: number, pid: number) {
    this.#supervision = supervision;
    this.#bundle = bundle;
    this.id = bundle.id;
    this.name = name;
    this.restartCount = restartCount;
    this.#pid = pid;
  }

  async pid(): Promise<number> {
    return this.#pid;
  }

  async start(): Promise<void> {
    await this.#supervision.call('start', { id: this.id });
  }

  async exited(): Promise<{ exitCode: number }> {
    return await this.#supervision.call('exited', { id: this.id });
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    await this.#supervision.call('signal', { id: this.id, signal });
  }

  async logPath(): Promise<string> {
    if (this.#bundle.log === undefined) throw new Error(`container ${this.name} has no log`);
    return this.#bundle.log.path;
  }

  /** As a kubelet does it: `<n>.log` is renamed and a new one begun. Gives the old file's new path. */
  async rotateLog(): Promise<string> {
    const to = `${await this.logPath()}.${new Date().toISOString().replace(/[-:T]|\..*/g, '')}-${process.hrtime()[1]}`;
    await this.#supervision.call('rotate', { id: this.id, to });
    return to;
  }

  /** In the container's namespaces and root, but not in its cgroup. */
  async exec(command: readonly string[]): Promise<{ exitCode: number; stdout: Buffer; stderr: Buffer }> {
    const enter = ['nsenter', '--target', `${this.#pid}`, '--mount', '--pid', '--ipc', '--uts', '--root', '--wd'];
    return await run([...enter, '--', ...command], { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
  }

  async remove(force = false): Promise<void> {
    await this.#supervision.call('remove', { id: this.id, force });
  }
}
