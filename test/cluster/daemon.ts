import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { becomes, endProcess, isAlive, signalPid } from '../node/processes.ts';

export interface DaemonSpec {
  readonly name: string;
  readonly cluster: string;
  /** The cluster's directory, for the pid file and the log. */
  readonly run: string;
  argv(): Promise<readonly string[]>;
  /** Whether it does its work; asked again and again while it starts. */
  ready(): Promise<boolean>;
}

const startWithinMs = 90_000;
const stopGraceMs = 20_000;
/** All of them are Go, and of the memory of the machine they take little: they clear up a quarter as often. */
const garbage = '400';

/** In the environment of every process of a cluster, and of what those start: the cluster's name. */
export const marker = 'PODHAND_TEST_CLUSTER';

/** A process of a cluster that outlives the one that starts it; a pid file says which it is. */
export class Daemon {
  readonly name: string;
  readonly #spec: DaemonSpec;
  readonly #pidFile: string;

  constructor(spec: DaemonSpec) {
    this.name = spec.name;
    this.#spec = spec;
    this.#pidFile = join(spec.run, 'pids', spec.name);
  }

  get logPath(): string {
    return join(this.#spec.run, 'logs', `${this.name}.log`);
  }

  /** The pid while it runs. */
  async pid(): Promise<number | undefined> {
    const [pid = '', startTime] = (await readFile(this.#pidFile, 'utf8').catch(() => '')).split(' ');
    if (pid === '' || (await startTimeOf(Number(pid))) !== startTime) return undefined;
    return (await isAlive(Number(pid))) ? Number(pid) : undefined;
  }

  /** Starts it where it does not run, and waits until it is ready. */
  async start(): Promise<void> {
    if ((await this.pid()) === undefined) await this.#launch();
    const state = { ready: false };
    await becomes(async () => {
      state.ready = await this.#spec.ready();
      return state.ready || (await this.pid()) === undefined;
    }, startWithinMs);
    if (state.ready) return;
    const how = (await this.pid()) === undefined ? 'ended' : `is not ready after ${startWithinMs / 1000} s`;
    throw new Error(`${this.name} ${how} while it started; the end of ${this.logPath}:\n${await this.logEnd()}`);
  }

  /** TERM, then KILL; fine where it does not run. */
  async stop(): Promise<void> {
    const pid = await this.pid();
    if (pid !== undefined) await endProcess(pid, stopGraceMs);
    await rm(this.#pidFile, { force: true });
  }

  /** Ends it by SIGKILL, and waits until it is gone. */
  async kill(): Promise<void> {
    const pid = await this.pid();
    if (pid === undefined) throw new Error(`${this.name} does not run`);
    signalPid(pid, 'SIGKILL');
    await this.stop();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async #launch(): Promise<void> {
    for (const path of [this.#pidFile, this.logPath]) await mkdir(dirname(path), { recursive: true });
    const [program = '', ...args] = await this.#spec.argv();
    const log = await open(this.logPath, 'a');
    try {
      const env = { PATH: process.env.PATH, GOGC: garbage, [marker]: this.#spec.cluster };
      const child = spawn(program, args, { detached: true, cwd: '/', env, stdio: ['ignore', log.fd, log.fd] });
      await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
      child.unref();
      const unfinished = `${this.#pidFile}.unfinished`;
      await writeFile(unfinished, `${child.pid} ${await startTimeOf(child.pid ?? 0)}`);
      await rename(unfinished, this.#pidFile);
    } finally {
      await log.close();
    }
  }

  /** The end of its log; what it died of, as klog writes that, where it says so: the stacks of all threads come after. */
  async logEnd(): Promise<string> {
    const lines = (await readFile(this.logPath, 'utf8').catch(() => '')).split('\n');
    const last = lines.findLastIndex((line) => /^F\d{4} /.test(line)) + 1;
    return lines
      .slice(0, last || lines.length)
      .slice(-25)
      .join('\n');
  }
}

/** Field 22 of /proc/pid/stat: tells a process from a later one with the same pid. */
async function startTimeOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'gone';
}
