// npm test: checks, then runs every suite. It needs root: a real container engine is started, namespaces and cgroups
// are made. What it sets up is kept in the cache (PODHAND_CACHE, default ~/.cache/podhand).
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

function run(command: string, ...args: string[]): void {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

if (process.platform !== 'linux' || process.getuid?.() !== 0) {
  console.error('the tests need Linux and root: they run a real container engine, real namespaces and real cgroups');
  process.exit(1);
}
run('npm', 'run', 'check');
// The programs of the cluster take minutes to build, once: no suite's time. A chosen suite builds what it needs.
if (process.argv.length === 2) run(process.execPath, 'scripts/cluster.ts', 'build');
run('node_modules/.bin/vitest', 'run', ...process.argv.slice(2));
