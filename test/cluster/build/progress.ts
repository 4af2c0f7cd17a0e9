import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const keptLines = 40;

/**
 * Runs a long program that has to succeed, and shows those lines of its output, on standard error, that `wanted`
 * matches, as they come. The error carries the end of the output.
 */
export async function showing(command: readonly string[], wanted: RegExp, options: SpawnOptions): Promise<void> {
  const [program = '', ...args] = command;
  const child = spawn('/bin/sh', ['-c', 'exec "$@" 2>&1', program, program, ...args], {
    ...options,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const last: string[] = [];
  if (child.stdout === null) throw new Error(`${program} has no output`);
  for await (const line of createInterface({ input: child.stdout })) {
    if (wanted.test(line)) process.stderr.write(`${line}\n`);
    last.push(line);
    if (last.length > keptLines) last.shift();
  }
  await ended;
  if (child.exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${child.exitCode}:\n${last.join('\n')}`);
}
