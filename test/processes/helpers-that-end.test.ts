import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { hasOwnRoot, readNodeRoot } from '../../src/agent/processes/process-facts.ts';

const helpers = 2_000;
/** Nothing else ends a loop without a pause. */
const withinMs = 60_000;

// As runc's are, between its first process and the container's: with a mount namespace of their own, in the node's root.
test('a helper that ends while it is looked at is not taken for a process in its own root', async () => {
  const node = readNodeRoot();
  const shell = spawn('unshare', ['--mount', 'sh', '-c', 'while :; do (:); done'], { stdio: 'inherit' });
  await once(shell, 'spawn');
  const seen = new Set<string>();
  const taken = new Set<string>();
  try {
    const children = () => readFileSync(`/proc/${shell.pid}/task/${shell.pid}/children`, 'latin1').split(' ');
    // Without a pause: what is looked for lasts for microseconds.
    for (const until = Date.now() + withinMs; seen.size < helpers && Date.now() < until; ) {
      for (const pid of children().filter((name) => name !== '')) {
        seen.add(pid);
        if (hasOwnRoot(Number(pid), node)) taken.add(pid);
      }
    }
  } finally {
    shell.kill('SIGKILL');
    await once(shell, 'close');
  }
  expect(seen.size).toBeGreaterThanOrEqual(helpers);
  expect([...taken]).toEqual([]);
});
