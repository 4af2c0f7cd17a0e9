import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const keptLines = 40;

/**
 * Runs a long program that has to succeed; `tell` is given each line of its output and says what to show of it on
 * standard error, if anything. The error carries the end of the output.
 */
export async function showing(
  command: readonly string[],
  tell: (line: string) => string | undefined,
  options: SpawnOptions,
): Promise<void> {
  const [program = '', ...args] = command;
  const child = spawn('/bin/sh', ['-c', 'exec "$@" 2>&1', program, program, ...args], {
    ...options,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const last: string[] = [];
  if (child.stdout === null) throw new Error(`${program} has no output`);
  for await (const line of createInterface({ input: child.stdout })) {
    const shown = tell(line);
    if (shown !== undefined) process.stderr.write(`${shown}\n`);
    last.push(line);
    if (last.length > keptLines) last.shift();
  }
  await ended;
  if (child.exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${child.exitCode}:\n${last.join('\n')}`);
}

/** Tells every hundredth package that a `go build -v` names. */
export function countingPackages(): (line: string) => string | undefined {
  let count = 0;
  return (line) => {
    if (!/^[\w.-]+(\/[\w.-]+)*$/.test(line)) return undefined;
    count += 1;
    return count % 100 === 0 ? `  ${count} packages compiled` : undefined;
  };
}
