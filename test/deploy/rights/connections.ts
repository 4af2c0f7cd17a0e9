import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureFiles } from '../../node/debian.ts';
import { becomes, pidsWhere } from '../../node/processes.ts';
import { withinMs } from './agent-pod.ts';
import type { Shipped } from './shipped.ts';

const strace = '/usr/bin/strace';
/** What has just been bound is called by its descriptor once, to see that nobody has put another in its place. */
export const ownSocket = 'a socket of its own';
const byDescriptor = /^\/proc\/self\/fd\/\d+$/;
/** What gives a socket somewhere to send to. */
const calls = ['connect', 'sendto', 'sendmsg', 'sendmmsg', 'io_uring_setup'];
/** What is done through a ring is no system call. Without one libuv does without. */
const noRing = 'inject=io_uring_setup:error=ENOSYS';

/** The same manifest, but its agent does not start before `trace` looks on. */
export function waiting(shipped: Shipped, mark: string): Shipped {
  const [container] = shipped.spec.containers;
  const script = 'until [ -e /run/podhand/go ]; do sleep 0.1; done; exec podhand "$@"';
  const command = ['/bin/sh', '-c', script, mark];
  return { ...shipped, spec: { ...shipped.spec, containers: [{ ...container, command }] } };
}

/** The system calls of an agent, all its threads and children, that could send something, from its first one on. */
export class Trace {
  readonly #tracer: ChildProcess;
  readonly #directory: string;

  private constructor(tracer: ChildProcess, directory: string) {
    this.#tracer = tracer;
    this.#directory = directory;
  }

  /** Of the one that `waiting` has marked, whose run directory is this one. It starts then. */
  static async begin(mark: string, runDirectory: string): Promise<Trace> {
    await ensureFiles([strace], ['strace']);
    let pid: number | undefined;
    const found = async () => {
      await sleep(500);
      [pid] = await pidsWhere((argv) => argv[3] === mark);
      return pid !== undefined;
    };
    if (!(await becomes(found, withinMs))) throw new Error(`${mark} is not there`);
    const directory = mkdtempSync(join(tmpdir(), 'podhand-trace-'));
    const options = [
      '-f',
      '-e',
      `trace=${calls.join(',')}`,
      '-e',
      noRing,
      '-e',
      'signal=none',
      '-s',
      '0',
      '-o',
      `${directory}/calls`,
    ];
    const tracer = spawn(strace, [...options, '-p', `${pid}`], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    tracer.stderr?.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    const trace = new Trace(tracer, directory);
    if (!(await becomes(() => said.includes('attached'), 30_000))) {
      await trace.end();
      throw new Error(`${mark} cannot be traced: ${said}`);
    }
    writeFileSync(`${runDirectory}/go`, '');
    return trace;
  }

  /** Where it has sent something to so far; sorted, each once. `unix:PATH`, `ADDRESS:PORT`, `ownSocket`, or what strace wrote. */
  get destinations(): string[] {
    const lines = readFileSync(`${this.#directory}/calls`, 'utf8').split('\n');
    return [...new Set(lines.flatMap(destination))].sort();
  }

  async end(): Promise<void> {
    if (this.#tracer.exitCode === null && this.#tracer.signalCode === null) {
      const ended = once(this.#tracer, 'exit');
      this.#tracer.kill('SIGTERM');
      await ended;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Of a line of strace's; none where it names none, as on a socket that has one already. */
export function destination(line: string): string[] {
  const address = /\{sa_family=(\w+)(.*?)\}/.exec(line);
  if (address === null) return [];
  const [, family = '', rest = ''] = address;
  // The kernel, about interfaces and routes.
  if (family === 'AF_NETLINK') return [];
  const port = /_port=htons\((\d+)\)/.exec(rest)?.[1];
  const host = /inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"/.exec(rest);
  const path = /sun_path=@?"([^"]*)"/.exec(rest)?.[0].slice('sun_path='.length).replaceAll('"', '');
  if (family === 'AF_UNIX' && path !== undefined) return [byDescriptor.test(path) ? ownSocket : `unix:${path}`];
  if (port !== undefined && host !== null) return [`${host[1] ?? host[2]}:${port}`];
  return [`${family}${rest}`];
}
