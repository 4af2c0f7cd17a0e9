import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { NodeLogPods } from '../../src/agent/pods/node-logs/node-log-pods.ts';
import { PodStore } from '../../src/agent/pods/store.ts';

/** The log directories of a node, as a kubelet makes them. */
export class LogDirectories {
  readonly root: string;
  readonly store = new PodStore();
  readonly #stop = new AbortController();

  private constructor(root: string) {
    this.root = root;
  }

  static async make(): Promise<LogDirectories> {
    return new LogDirectories(await mkdtemp(join(tmpdir(), 'podhand-node-logs-')));
  }

  get podsDir(): string {
    return join(this.root, 'log', 'pods');
  }

  get containersDir(): string {
    return join(this.root, 'log', 'containers');
  }

  async feed(forgetAfter = 100): Promise<void> {
    const { podsDir, containersDir } = this;
    const log = pino({ level: 'silent' });
    const pods = new NodeLogPods({ podsDir, containersDir, forgetAfter, log });
    await pods.feed(this.store, this.#stop.signal);
  }

  async log(pod: string, container: string, count = 0): Promise<string> {
    const directory = join(this.podsDir, pod, container);
    await mkdir(directory, { recursive: true });
    const path = join(directory, `${count}.log`);
    await writeFile(path, '');
    return path;
  }

  async link(name: string, target: string): Promise<string> {
    await mkdir(this.containersDir, { recursive: true });
    const path = join(this.containersDir, name);
    await symlink(target, path);
    return path;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await rm(this.root, { recursive: true, force: true });
  }
}
