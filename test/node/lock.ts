import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Does one thing at a time on this machine, whichever process asks: set-ups are shared by test runs, demo and bench. A
 * child holds the lock (flock) and echoes once it has it; it ends with us, so that a crash leaves no lock behind.
 * Gives up after `withinSeconds`.
 */
export async function withLock<T>(path: string, action: () => Promise<T>, withinSeconds = 600): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const holder = spawn('flock', ['--wait', `${withinSeconds}`, path, 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(holder, 'exit');
  holder.stdin.on('error', () => {});
  holder.stdin.write('held?');
  await Promise.race([once(holder.stdout, 'data'), ended]);
  if (holder.exitCode !== null) throw new Error(`${path} was held by somebody else for ${withinSeconds} seconds`);
  try {
    return await action();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
