import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureFiles } from '../node/debian.ts';
import { must } from '../node/processes.ts';

const bin = fileURLToPath(new URL('../../bin/podhand', import.meta.url));
const script = '/usr/bin/script';

/** The command on a terminal of its own: a pty that `script` makes. */
export class Terminal {
  readonly #child: ChildProcess;
  readonly #directory: string;
  #output = '';
  /** The exit code of the command. */
  readonly ended: Promise<number | null>;

  private constructor(child: ChildProcess, directory: string) {
    this.#child = child;
    this.#directory = directory;
    child.stdout?.on('data', (data: Buffer) => {
      this.#output += data.toString();
    });
    this.ended = new Promise((resolve) => child.once('close', resolve));
  }

  static async run(args: readonly string[], { rows = 30, columns = 120 } = {}): Promise<Terminal> {
    await ensureFiles([script], ['bsdutils']);
    const directory = mkdtempSync(join(tmpdir(), 'podhand-terminal-'));
    const command = [process.execPath, bin, ...args].map((word) => `'${word}'`).join(' ');
    // What the terminal is set to before and after, and its name and the command's pid on the way.
    const lines = [
      `stty rows ${rows} cols ${columns}`,
      `stty -g > ${directory}/before`,
      `tty > ${directory}/tty`,
      `sh -c 'echo $$ > ${directory}/pid; exec "$@"' sh ${command}`,
      'code=$?',
      `stty -g > ${directory}/after`,
      'exit $code',
    ];
    const child = spawn(script, ['-qec', lines.join('\n'), '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: process.env.PATH, TERM: 'xterm', SHELL: '/bin/sh' },
    });
    return new Terminal(child, directory);
  }

  /** Everything that was written. */
  get output(): string {
    return this.#output;
  }

  /** The lines of the newest frame that is complete. */
  get frame(): string[] {
    const frames = this.#output.split('\u001b[H').slice(1);
    const complete = frames.findLast((frame) => frame.includes('\u001b[J'));
    return (complete?.split('\u001b[J')[0] ?? '').split('\r\n').map((line) => line.replaceAll('\u001b[K', ''));
  }

  get frames(): number {
    return this.#output.split('\u001b[J').length - 1;
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  async resize(rows: number, columns: number): Promise<void> {
    await must(['stty', '-F', this.#kept('tty'), 'rows', `${rows}`, 'cols', `${columns}`]);
  }

  /** To the command itself. */
  signal(signal: NodeJS.Signals): void {
    process.kill(Number(this.#kept('pid')), signal);
  }

  /** Whether the terminal is set again as it was. */
  get restored(): boolean {
    return this.#kept('before') === this.#kept('after');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin?.end();
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
    await this.ended;
    rmSync(this.#directory, { recursive: true });
  }

  #kept(name: string): string {
    return readFileSync(join(this.#directory, name), 'utf8').trim();
  }
}
