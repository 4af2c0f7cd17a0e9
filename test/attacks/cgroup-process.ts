import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { ExecutorServiceClient } from '../../src/wire/generated/podhand/v1/ExecutorService.ts';
import { cgroupDirs } from '../node/mounts.ts';
import type { TestContainer } from '../node/pods.ts';
import { connect } from '../rpc/agent-under-test.ts';

const program = join(import.meta.dirname, 'cgroup-process.py');

/** The directories of a container's cgroup in every hierarchy of this machine. */
export async function cgroupsOf(container: TestContainer): Promise<string[]> {
  return await cgroupDirs(await cgroupPathOf(container));
}

export async function cgroupPathOf(container: TestContainer): Promise<string> {
  const lines = readFileSync(`/proc/${await container.pid()}/cgroup`, 'utf8').split('\n');
  const path = lines.map((line) => line.split(':').slice(2).join(':')).find((each) => each.includes(container.id));
  if (path === undefined) throw new Error(`${container.name} is in no cgroup of its own`);
  return path;
}

/** A directory for the sockets between test and processes. */
export class MeetingPlace {
  readonly directory = mkdtempSync(join(tmpdir(), 'podhand-meet-'));
  readonly #processes: CgroupProcess[] = [];
  readonly #clients: ExecutorServiceClient[] = [];

  /** Runs a mode of `cgroup-process.py`; `wrapper` is put before it. */
  start(mode: string, socket: string, cgroups: readonly string[], wrapper: readonly string[] = []): CgroupProcess {
    const argv = [...wrapper, 'python3', program, mode, socket, ...cgroups];
    const child = spawn(argv[0] as string, argv.slice(1), {
      env: { ...process.env, BESIDE: this.directory },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const started = new CgroupProcess(child);
    this.#processes.push(started);
    return started;
  }

  /** Runs it to its end while this process does nothing else, so that the agent in it accepts nothing. */
  runBlocking(mode: string, socket: string, cgroups: readonly string[]): void {
    execFileSync('python3', [program, mode, socket, ...cgroups], { env: { ...process.env, BESIDE: this.directory } });
  }

  /** A client whose bytes go through the process that relays. */
  client(): ExecutorServiceClient {
    const client = connect(join(this.directory, 'relay'));
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const each of this.#processes) await each.end();
    rmSync(this.directory, { recursive: true });
  }
}

export class CgroupProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  #said = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout === null) throw new Error('no standard output');
    this.#reader = createInterface({ input: child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#said += chunk.toString();
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Its next line. */
  async says(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error(`the process has ended: ${this.#said}`);
    return value;
  }

  async end(): Promise<void> {
    this.#reader.close();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}
