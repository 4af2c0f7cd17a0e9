import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';
import { cacheDir, runDir } from './cache.ts';
import { ensureFiles } from './debian.ts';
import { withLock } from './lock.ts';
import { removeCgroup, unmountBelow } from './mounts.ts';
import { becomes, endProcess, isAlive, must, pidsWhere, signalPid } from './processes.ts';

const dockerd = '/usr/sbin/dockerd';
const startWithinMs = 60_000;
const stopGraceMs = 30_000;

/** How an engine differs from the one that the tests share. */
export interface EngineOptions {
  /** The directory of what lives while it runs; below /run/podhand-test, under its name, by default. */
  readonly run?: string;
  /** Gives the start of the command line that dockerd is run by, such as nsenter's. */
  readonly within?: () => Promise<readonly string[]>;
  /** A bridge that is there already; without one containers have no network of the engine's. */
  readonly bridge?: string;
  /** Further flags of dockerd. */
  readonly flags?: readonly string[];
}

/**
 * A dockerd of ours, out of the way of any other: data under the cache directory, everything else under
 * /run/podhand-test/<name>, no bridge, no firewall rules, a containerd namespace and a cgroup parent of its own. It
 * outlives the process that starts it.
 */
export class OwnEngine {
  readonly socketPath: string;
  readonly #name: string;
  readonly #run: string;
  readonly #data: string;
  readonly #lock: string;
  readonly #options: EngineOptions;

  constructor(name: string, options: EngineOptions = {}) {
    this.#name = name;
    this.#options = options;
    this.#run = options.run ?? join(runDir, name);
    this.#data = cacheDir('engines', name);
    this.#lock = cacheDir('engines', `${name}.lock`);
    this.socketPath = join(this.#run, 'docker.sock');
  }

  /** The pid of dockerd while it runs. */
  async pid(): Promise<number | undefined> {
    const pid = Number(await readFile(join(this.#run, 'dockerd.pid'), 'utf8').catch(() => ''));
    if (!pid) return undefined;
    const [program] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    return program === dockerd && (await isAlive(pid)) ? pid : undefined;
  }

  /** Whether dockerd runs and its socket answers. */
  async answers(): Promise<boolean> {
    if ((await this.pid()) === undefined) return false;
    return await new Docker({ socketPath: this.socketPath }).ping().then(
      () => true,
      () => false,
    );
  }

  /** Waits until it answers; true where it was not there and this call started it. */
  async start(): Promise<boolean> {
    if (await this.answers()) return false;
    if (process.getuid?.() !== 0) throw new Error('dockerd of the tests needs root, or set DOCKER_HOST');
    const files = [dockerd, '/usr/bin/containerd', '/usr/bin/runc', '/usr/bin/busybox', '/usr/sbin/iptables'];
    await ensureFiles(files, ['docker.io', 'iptables', 'busybox-static']);
    return await withLock(this.#lock, async () => {
      if (await becomes(() => this.answers(), (await this.pid()) === undefined ? 0 : 10_000)) return false;
      await this.#stop();
      await this.#launch();
      return true;
    });
  }

  /** Ends dockerd, its containers and its containerd; unmounts and removes what they leave. Images stay cached. */
  async stop(): Promise<void> {
    await withLock(this.#lock, () => this.#stop());
  }

  /**
   * Ends dockerd with `signal` and starts it again. With `keepContainers` they run on meanwhile (live-restore);
   * otherwise they are stopped, by the old dockerd or, after SIGKILL, by the new one.
   */
  async restart(options: { signal?: 'SIGTERM' | 'SIGKILL'; keepContainers: boolean }): Promise<void> {
    await this.suspend(options);
    await this.resume();
  }

  /** The first half of `restart`: dockerd is gone until `resume`. */
  async suspend(options: { signal?: 'SIGTERM' | 'SIGKILL'; keepContainers: boolean }): Promise<void> {
    const pid = await this.pid();
    if (pid === undefined) throw new Error(`engine ${this.#name} does not run`);
    await this.#setLiveRestore(options.keepContainers);
    if (options.signal === 'SIGKILL') signalPid(pid, 'SIGKILL');
    await endProcess(pid, stopGraceMs);
  }

  async resume(): Promise<void> {
    await this.#launch();
  }

  async #setLiveRestore(keep: boolean): Promise<void> {
    await writeFile(join(this.#run, 'daemon.json'), JSON.stringify({ 'live-restore': keep }));
    const pid = await this.pid();
    if (pid === undefined) return;
    signalPid(pid, 'SIGHUP');
    const docker = new Docker({ socketPath: this.socketPath });
    const told = await becomes(async () => (await docker.info()).LiveRestoreEnabled === keep, 10_000);
    if (!told) throw new Error('dockerd does not take up live-restore from its configuration');
  }

  async #launch(): Promise<void> {
    await mkdir(this.#run, { recursive: true });
    await mkdir(this.#data, { recursive: true });
    await this.#forgetDead();
    // What a restart is to do with the containers is said there.
    await writeFile(join(this.#run, 'daemon.json'), '{}', { flag: 'wx' }).catch(() => {});
    const chosen = join(this.#data, 'storage-driver');
    const known = await readFile(chosen, 'utf8').catch(() => '');
    for (const driver of known === '' ? ['overlay2', 'vfs'] : [known]) {
      let failure = await this.#tryLaunch(driver);
      if (failure !== undefined) {
        // A containerd that was dying with its dockerd may still have looked alive: the new dockerd then waited for it.
        await this.#forgetDead();
        failure = await this.#tryLaunch(driver);
      }
      if (failure === undefined) return await writeFile(chosen, driver);
      process.stderr.write(`dockerd with --storage-driver=${driver} does not start; the end of its log:\n${failure}\n`);
      if (driver === 'overlay2' && known === '')
        process.stderr.write('*** trying vfs: slow, and layers are copied ***\n');
    }
    throw new Error(`dockerd does not start; its log is ${join(this.#run, 'dockerd.log')}`);
  }

  /** Both daemons take a zombie that nobody reaps, as on a machine without a real init, for themselves still running. */
  async #forgetDead(): Promise<void> {
    for (const file of ['dockerd.pid', 'exec/containerd/containerd.pid']) {
      const pid = Number(await readFile(join(this.#run, file), 'utf8').catch(() => ''));
      if (pid && !(await isAlive(pid))) await rm(join(this.#run, file));
    }
  }

  /** Gives the end of the log where it fails. */
  async #tryLaunch(driver: string): Promise<string | undefined> {
    await rm(this.socketPath, { force: true });
    const within = (await this.#options.within?.()) ?? [];
    const logPath = join(this.#run, 'dockerd.log');
    const log = await open(logPath, 'a');
    const [program = '', ...args] = [...within, dockerd, ...this.#flags(driver)];
    const child = spawn(program, args, { detached: true, cwd: '/', stdio: ['ignore', log.fd, log.fd] });
    await log.close();
    let failed = false;
    child.on('error', () => (failed = true));
    child.on('exit', () => (failed = true));
    child.unref();
    await becomes(async () => failed || (await this.answers()), startWithinMs);
    if (!failed && (await this.answers())) return undefined;
    if (child.pid !== undefined) await endProcess(child.pid, stopGraceMs);
    return (await readFile(logPath, 'utf8')).split('\n').slice(-25).join('\n');
  }

  #flags(driver: string): string[] {
    return [
      `--host=unix://${this.socketPath}`,
      `--config-file=${join(this.#run, 'daemon.json')}`,
      `--data-root=${this.#data}`,
      `--exec-root=${join(this.#run, 'exec')}`,
      `--pidfile=${join(this.#run, 'dockerd.pid')}`,
      `--storage-driver=${driver}`,
      `--containerd-namespace=${this.#namespace}`,
      `--containerd-plugins-namespace=${this.#namespace}-plugins`,
      `--cgroup-parent=/${this.#namespace}`,
      '--exec-opt=native.cgroupdriver=cgroupfs',
      `--bridge=${this.#options.bridge ?? 'none'}`,
      '--iptables=false',
      '--ip-forward=false',
      '--ip-masq=false',
      '--log-driver=json-file',
      ...(this.#options.flags ?? []),
    ];
  }

  get #namespace(): string {
    return `podhand-test-${this.#name}`;
  }

  async #stop(): Promise<void> {
    const pid = await this.pid();
    if (pid !== undefined) {
      if (await this.answers()) {
        await this.removeContainers();
        await this.#setLiveRestore(false);
      }
      await endProcess(pid, stopGraceMs);
    }
    for (const orphan of await pidsWhere((argv) => this.#isOurs(argv))) await endProcess(orphan, 2_000);
    await unmountBelow(this.#data);
    await unmountBelow(this.#run);
    await removeCgroup(`/${this.#namespace}`);
    await rm(this.#run, { recursive: true, force: true });
  }

  /** containerd started by our dockerd, and shims of our namespace: those end their containers when they are ended. */
  #isOurs(argv: string[]): boolean {
    const [program = ''] = argv;
    const flag = (name: string) => argv[argv.indexOf(name) + 1];
    if (/(^|\/)containerd$/.test(program))
      return flag('--config') === join(this.#run, 'exec/containerd/containerd.toml');
    if (/(^|\/)containerd-shim/.test(program)) return flag('-namespace') === this.#namespace;
    return false;
  }

  /** Removes all containers of the engine, running or not. */
  async removeContainers(): Promise<void> {
    const docker = new Docker({ socketPath: this.socketPath });
    for (const { Id } of await docker.listContainers({ all: true }))
      await docker.getContainer(Id).remove({ force: true });
  }

  /** The engine's image data too, which `stop` keeps. */
  async forget(): Promise<void> {
    await this.stop();
    await must(['rm', '-rf', '--one-file-system', this.#data]);
  }
}
