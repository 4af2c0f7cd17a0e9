import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../../bin/podhand', import.meta.url));

export interface Run {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly done: Promise<Run>;
  /** Resolves once stderr has said this. */
  said(text: string): Promise<void>;
}

/** The command as a process of its own, with nothing in its environment but what is given. */
export function podhand(
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Started {
  const child = spawn(process.execPath, [bin, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: options.env ?? {},
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const stdout: Buffer[] = [];
  let stderr = '';
  let listeners: (() => void)[] = [];
  child.stdout.on('data', (data: Buffer) => stdout.push(data));
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
    for (const listener of listeners) listener();
  });
  const done = new Promise<Run>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr }));
  });
  const said = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!stderr.includes(text)) return;
        listeners = listeners.filter((listener) => listener !== look);
        resolve();
      };
      listeners.push(look);
      look();
      void done.then(() => reject(new Error(`it ended without saying "${text}":\n${stderr}`)));
    });
  return { child, done, said };
}
