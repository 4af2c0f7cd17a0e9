import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants as files, openSync, writeSync } from 'node:fs';
import { mkdir, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { removeCgroup } from '../mounts.ts';
import { must } from '../processes.ts';
import { createCgroup } from './cgroups.ts';
import { CriLog } from './cri-log.ts';
import type { Bundle } from './protocol.ts';

const init = join(import.meta.dirname, 'init.ts');

/** One container, its log and its end, as the supervisor sees it. */
export class SupervisedContainer {
  readonly pid: number;
  /** Of the first process: 128 + n for a death by signal n. Settles once it has been reaped. */
  readonly exited: Promise<number>;
  readonly #bundle: Bundle;
  readonly #pipes: Pipes;
  #log: CriLog | undefined;
  #drained: Promise<unknown> = Promise.resolve();
  #ended = false;

  private constructor(bundle: Bundle, pid: number, exited: Promise<number>, pipes: Pipes) {
    this.#bundle = bundle;
    this.#pipes = pipes;
    this.pid = pid;
    this.exited = exited.finally(() => {
      this.#ended = true;
    });
  }

  /** Resolves when the first process waits in its own root, with its credentials, for `start`. */
  static async create(bundle: Bundle): Promise<SupervisedContainer> {
    await mkdir(bundle.dir, { recursive: true });
    if (bundle.log !== undefined) await mkdir(dirname(bundle.log.path), { recursive: true });
    const cgroups = await createCgroup(bundle.cgroup, bundle.memoryBytes);
    await writeFile(join(bundle.dir, 'config.json'), JSON.stringify({ ...bundle, cgroups }));
    const pipes = await Pipes.open(bundle.dir);
    const exited = codeOf(launch(bundle.dir, pipes));
    const said = await Promise.race([pipes.status(), exited.then(() => '')]);
    const [, pid] = /^created ([0-9]+)$/.exec(said) ?? [];
    if (pid !== undefined) return new SupervisedContainer(bundle, Number(pid), exited, pipes);
    await exited;
    const why = said || (await text(pipes.stderr));
    pipes.close();
    throw new Error(`container ${bundle.id}: ${why}`);
  }

  /** Resolves when the command runs; rejects where it cannot be executed. The kubelet's symlink comes after that. */
  async start(): Promise<void> {
    const { log } = this.#bundle;
    this.#log = log && new CriLog(log.path);
    this.#drained = Promise.all([this.#collect('stdout'), this.#collect('stderr')]).then(() => this.#log?.close());
    const failure = await this.#pipes.start();
    if (failure !== '') throw new Error(`container ${this.#bundle.id} does not start: ${failure}`);
    if (log === undefined) return;
    await mkdir(dirname(log.link), { recursive: true });
    await symlink(log.path, log.link);
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#ended) process.kill(this.pid, signal);
  }

  rotate(to: string): void {
    this.#log?.rotate(to);
  }

  async remove(force: boolean): Promise<void> {
    if (!this.#ended && !force) throw new Error(`container ${this.#bundle.id} still runs`);
    await removeCgroup(this.#bundle.cgroup);
    await this.exited;
    await this.#drained;
    this.#pipes.close();
    await must(['rm', '-rf', '--one-file-system', '--', this.#bundle.dir]);
    if (this.#bundle.log === undefined) return;
    await rm(this.#bundle.log.path, { force: true });
    await unlink(this.#bundle.log.link).catch(() => {});
  }

  async #collect(stream: 'stdout' | 'stderr'): Promise<void> {
    const source = this.#pipes[stream];
    source.on('data', (chunk: Buffer) => this.#log?.write(stream, chunk));
    await once(source, 'close');
    this.#log?.end(stream);
  }
}

/** The four named pipes between supervisor and first process. Real pipes: a socket could not be reopened as /dev/stdout. */
class Pipes {
  readonly stdout: Socket;
  readonly stderr: Socket;
  /** Given to the first process and then closed here, so that the streams end with the last process that has them. */
  readonly writers: readonly [number, number];
  readonly #status: Socket;
  #start: number;
  #said = '';

  private constructor(dir: string) {
    const readEnd = (name: string) => {
      const fd = openSync(join(dir, name), files.O_RDONLY | files.O_NONBLOCK);
      return new Socket({ fd, readable: true, writable: false });
    };
    this.stdout = readEnd('stdout');
    this.stderr = readEnd('stderr');
    this.#status = readEnd('status');
    this.#status.on('data', (chunk: Buffer) => {
      this.#said += chunk.toString();
    });
    this.#start = openSync(join(dir, 'start'), files.O_RDWR);
    this.writers = [openSync(join(dir, 'stdout'), 'w'), openSync(join(dir, 'stderr'), 'w')];
  }

  static async open(dir: string): Promise<Pipes> {
    await must(['mkfifo', ...['stdout', 'stderr', 'start', 'status'].map((name) => join(dir, name))]);
    return new Pipes(dir);
  }

  /** The first line of the status pipe, or what there is when it closes. */
  async status(): Promise<string> {
    while (!this.#said.includes('\n') && !this.#status.closed) {
      await Promise.race([once(this.#status, 'data'), once(this.#status, 'close')]);
    }
    const [line = ''] = this.#said.split('\n', 1);
    this.#said = this.#said.slice(line.length + 1);
    return line;
  }

  /** Gives what went wrong, or the empty string when the status pipe has been closed by a successful exec. */
  async start(): Promise<string> {
    writeSync(this.#start, '!');
    closeSync(this.#start);
    this.#start = -1;
    if (!this.#status.closed) await once(this.#status, 'close');
    return this.#said.trim();
  }

  close(): void {
    for (const socket of [this.stdout, this.stderr, this.#status]) socket.destroy();
    if (this.#start !== -1) closeSync(this.#start);
    this.#start = -1;
  }
}

/**
 * The parent that reaps: process 1 of the new pid namespace is its only child. Not `unshare --fork`, which cannot tell of
 * a death by SIGKILL (util-linux 2.38). What the shell itself has to say of its child does not belong into the log.
 */
const reap = `exec 3>&2 2>/dev/null; sh -c 'exec "$@" 2>&3 3>&-' sh "$@"; exit "$?"`;

function launch(dir: string, pipes: Pipes): ChildProcess {
  const namespaces = ['unshare', '--mount', '--ipc', '--uts'];
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', init, dir];
  const child = spawn('unshare', ['--pid', 'sh', '-c', reap, 'sh', ...namespaces, ...node], {
    detached: true,
    cwd: '/',
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    stdio: ['ignore', ...pipes.writers],
  });
  for (const fd of pipes.writers) closeSync(fd);
  return child;
}

async function codeOf(child: ChildProcess): Promise<number> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + (signal === null ? 0 : (constants.signals[signal] ?? 0));
}
