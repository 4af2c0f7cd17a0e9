// Runs a script of this project with the project's own Node, installing both first where they are missing:
//   node scripts/ready.mjs demo/main.ts [args]
// Plain JavaScript for any Node, since on a fresh machine it is the machine's Node that starts it.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const node = `${root}node_modules/.bin/node`;
const installed = `${root}node_modules/.podhand-lock`;
const lock = readFileSync(`${root}package-lock.json`, 'utf8');

function run(command, args) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  return signal ? 1 : status;
}

if (!existsSync(node) || !existsSync(installed) || readFileSync(installed, 'utf8') !== lock) {
  console.error('installing the dependencies (npm ci)');
  const status = run('npm', ['ci', '--no-audit', '--no-fund']);
  if (status !== 0) process.exit(status);
  writeFileSync(installed, lock);
}
process.exit(run(node, process.argv.slice(2)));
