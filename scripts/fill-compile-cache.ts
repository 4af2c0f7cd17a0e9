// Compiles the agent's code, that of its threads included, into the cache that bin/podhand uses. For an image whose root
// file system is read-only when it runs.
import { globSync } from 'node:fs';
import { enableCompileCache, flushCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
enableCompileCache(`${root}node_modules/.cache/podhand`);
for (const directory of ['agent', 'client', 'doctor', 'wire']) {
  // A thread's own program does nothing outside of one, or fails: it has been compiled by then.
  for (const file of globSync(`${root}src/${directory}/**/*.ts`)) await import(file).catch(() => undefined);
}
flushCompileCache();
process.exit(0);
