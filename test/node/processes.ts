import { type SpawnOptions, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Finished {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/**
 * Runs a program of the node to its end, without a shell. Never rejects for an exit code; one that died by a signal has
 * exit code 128 and up. Rejects where the program is not there.
 */
export function run(
  command: readonly string[],
  options: SpawnOptions & { input?: string | Buffer } = {},
): Promise<Finished> {
  const { input, ...rest } = options;
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...rest, stdio: ['pipe', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ exitCode: code ?? 128, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) });
    });
  });
}

/** Runs a program that has to succeed; gives its standard output. The error carries the end of what it wrote. */
export async function must(
  command: readonly string[],
  options: SpawnOptions & { input?: string | Buffer } = {},
): Promise<string> {
  const { exitCode, stdout, stderr } = await run(command, options);
  if (exitCode === 0) return stdout.toString();
  const said = Buffer.concat([stdout, stderr]).toString().slice(-4000);
  throw new Error(`${command.join(' ')} ended with ${exitCode}:\n${said}`);
}

/**
 * Whether a process is there and not a zombie. Of one that was killed the first thread can be a zombie while another
 * has still to end: until then it has its descriptors, and nobody else gets its port.
 */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  if (stat === '') return false;
  // Fields 3 and 20.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, threads] = [fields[0], Number(fields[17])];
  return state === 'Z' ? threads > 1 : state !== 'X';
}

/** The pids whose argument vector satisfies `wanted`. */
export async function pidsWhere(wanted: (argv: string[]) => boolean): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(name) || Number(name) === process.pid) continue;
    const argv = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (argv !== '' && wanted(argv.split('\0'))) found.push(Number(name));
  }
  return found;
}

/** Sends a signal; false where there is no such process any more. */
export function signalPid(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** TERM, up to `graceMs`, KILL, until gone. */
export async function endProcess(pid: number, graceMs: number): Promise<void> {
  if (!signalPid(pid, 'SIGTERM')) return;
  if (await becomes(async () => !(await isAlive(pid)), graceMs)) return;
  signalPid(pid, 'SIGKILL');
  if (!(await becomes(async () => !(await isAlive(pid)), 10_000))) throw new Error(`process ${pid} survives SIGKILL`);
}

/** Asks again and again until it is so, or until the time is over; says which. */
export async function becomes(condition: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() > end) return false;
    await sleep(25);
  }
}
