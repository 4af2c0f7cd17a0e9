import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const node = process.execPath;
/** What most suites share is brought up once, and not by each. */
const clusters = ['docker', 'containerd'].map((runtime) => [runtime, `conformance-${runtime}`] as const);

export function status(command: string, ...args: string[]): number {
  const { status: code, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  return code ?? 1;
}

export function run(command: string, ...args: string[]): void {
  const code = status(command, ...args);
  if (code !== 0) process.exit(code);
}

/** Runs tests, by the answer's exit code, while the engine and the clusters that they share are up. */
export function withEngines(tests: () => number): number {
  // The programs of the cluster take minutes to build, once: no suite's time.
  run(node, 'scripts/cluster.ts', 'build');
  run(node, 'scripts/node.ts', 'up');
  for (const [runtime, name] of clusters) run(node, 'scripts/cluster.ts', 'up', runtime, name);
  const code = tests();
  for (const [, name] of clusters) status(node, 'scripts/cluster.ts', 'down', name);
  status(node, 'scripts/node.ts', 'down');
  return code;
}

/**
 * Each suite runs real daemons on a machine that may be busy with something else: a test has a second try, and the report
 * says which ones took it. An attack has none.
 */
export function vitestTwice(...args: string[]): number {
  return vitest('--retry=1', ...args);
}

export function vitest(...args: string[]): number {
  return status('node_modules/.bin/vitest', 'run', ...args);
}

/** Ends this process where the tests cannot run. */
export function wantRoot(): void {
  if (process.platform === 'linux' && process.getuid?.() === 0) return;
  console.error('the tests need Linux and root: they run a real container engine, real namespaces and real cgroups');
  process.exit(1);
}
