import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Runs a Python program of this directory until the answer is called; resolves once it has said that it is ready. */
export async function startPython(program: string, ...args: string[]): Promise<() => Promise<void>> {
  const child = spawn('python3', [join(import.meta.dirname, program), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), exited]);
  if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
  return async () => {
    child.stdin.end();
    await exited;
    if (child.exitCode !== 0) throw new Error(`${program} ended with ${child.exitCode}`);
  };
}
