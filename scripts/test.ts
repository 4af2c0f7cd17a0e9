// npm test: checks, then runs every suite. It needs root: a real container engine is started, namespaces and cgroups
// are made. What it sets up is kept in the cache (PODHAND_CACHE, default ~/.cache/podhand).
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

function status(command: string, ...args: string[]): number {
  const { status: code, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  return code ?? 1;
}

function run(command: string, ...args: string[]): void {
  const code = status(command, ...args);
  if (code !== 0) process.exit(code);
}

const node = process.execPath;
const vitest = 'node_modules/.bin/vitest';
/** What most suites share is brought up once, and not by each. */
const clusters = ['docker', 'containerd'].map((runtime) => [runtime, `conformance-${runtime}`] as const);

function everything(): number {
  // The programs of the cluster take minutes to build, once: no suite's time.
  run(node, 'scripts/cluster.ts', 'build');
  run(node, 'scripts/node.ts', 'up');
  for (const [runtime, name] of clusters) run(node, 'scripts/cluster.ts', 'up', runtime, name);
  // Each suite runs real daemons on a machine that may be busy with something else: a test has a second try, and the
  // report says which ones took it.
  const code = status(vitest, 'run', '--retry=1');
  for (const [, name] of clusters) status(node, 'scripts/cluster.ts', 'down', name);
  status(node, 'scripts/node.ts', 'down');
  return code;
}

if (process.platform !== 'linux' || process.getuid?.() !== 0) {
  console.error('the tests need Linux and root: they run a real container engine, real namespaces and real cgroups');
  process.exit(1);
}
run('npm', 'run', 'check');
const chosen = process.argv.slice(2);
process.exit(chosen.length === 0 ? everything() : status(vitest, 'run', ...chosen));
