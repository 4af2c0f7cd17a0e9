import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureEmissary } from '../../scripts/emissary/build.ts';
import { ownArchitecture } from '../../scripts/emissary/toolchain.ts';
import { runDir } from '../node/cache.ts';
import { becomes, type Finished, must, run } from '../node/processes.ts';

/** The binary of this machine's architecture, built where need be, at a place where every user may execute it. */
export async function builtEmissary(): Promise<string> {
  const built = await ensureEmissary(ownArchitecture());
  const key = basename(dirname(built));
  const place = join(runDir, 'emissary', key, 'podhand-emissary');
  if (!existsSync(place)) {
    await mkdir(dirname(place), { recursive: true });
    const fresh = `${place}.${process.pid}`;
    await copyFile(built, fresh);
    await chmod(fresh, 0o555);
    await rename(fresh, place);
  }
  return place;
}

/** The binary with its sum in dist/emissary, where `podhand init` of this checkout and the images have it from. */
export async function releaseEmissary(): Promise<void> {
  const script = fileURLToPath(new URL('../../scripts/build-emissary.ts', import.meta.url));
  await must([process.execPath, script, ownArchitecture()]);
}

/** Runs the emissary to its end. `sh` given: the command is a script of the machine's shell. */
export async function runEmissary(
  args: readonly string[],
  options: SpawnOptions & { input?: string | Buffer } = {},
): Promise<Finished> {
  return await run([await builtEmissary(), ...args], options);
}

export async function runScript(
  script: string,
  options: readonly string[] = [],
  spawnOptions: SpawnOptions = {},
): Promise<Finished> {
  return await runEmissary([...options, '--', 'sh', '-c', script], spawnOptions);
}

/** An emissary that is running. */
export class RunningEmissary implements AsyncDisposable {
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  #stdout = '';
  #stderr = '';

  static async start(args: readonly string[], options: SpawnOptions = {}): Promise<RunningEmissary> {
    const child = spawn(await builtEmissary(), args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    await once(child, 'spawn');
    return new RunningEmissary(child);
  }

  static async script(
    script: string,
    options: readonly string[] = [],
    more: SpawnOptions = {},
  ): Promise<RunningEmissary> {
    return await RunningEmissary.start([...options, '--', 'sh', '-c', script], more);
  }

  private constructor(child: ChildProcess) {
    this.#process = child;
    this.pid = child.pid ?? 0;
    this.#ended = once(child, 'exit');
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#stdout += chunk;
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk;
    });
    child.stdin?.on('error', () => {});
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** Waits for words of the command's output; what it said is in the error. */
  async says(words: string): Promise<void> {
    await this.until(() => this.#stdout.includes(words) || this.#stderr.includes(words), `"${words}"`);
  }

  async until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    if (await becomes(condition, 10_000)) return;
    throw new Error(`never ${what}; it said: ${this.#stdout}${this.#stderr}`);
  }

  signal(signal: number): void {
    process.kill(this.pid, signal);
  }

  endInput(): void {
    this.#process.stdin?.end();
  }

  /** The exit code; the name of the signal where one has ended the emissary itself. */
  async exited(): Promise<unknown> {
    const [code, signal] = await this.#ended;
    return code ?? signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdout?.destroy();
    this.#process.stderr?.destroy();
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGTERM');
      if (!(await becomes(() => this.#process.exitCode !== null || this.#process.signalCode !== null, 2000))) {
        this.#process.kill('SIGKILL');
      }
      await this.#ended;
    }
  }
}
