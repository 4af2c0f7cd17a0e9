// Writes the client as one file for its image: node scripts/bundle-client.ts OUTPUT
// Beside it have to be `proto/` and `package.json`, as beside src/ in a checkout.
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Modules that look for files beside themselves find them as if they were still where they were written. */
const keepPlaces: Plugin = {
  name: 'keep-places',
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
      const place = JSON.stringify(`./${relative(root, path)}`);
      const text = await readFile(path, 'utf8');
      return { loader: 'ts', contents: text.replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`) };
    });
  },
};

const [outfile] = process.argv.slice(2);
if (outfile === undefined) {
  process.stderr.write('usage: node scripts/bundle-client.ts OUTPUT\n');
  process.exit(64);
}
await build({
  stdin: {
    contents: `#!/usr/local/bin/node\nimport { main } from './src/client/cli/main.ts'; process.exitCode = await main(process.argv.slice(2));`,
    resolveDir: root,
  },
  outfile,
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  plugins: [keepPlaces],
  // What is CommonJS in the dependencies asks for Node's own modules by require.
  banner: { js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);` },
  legalComments: 'linked',
  logLevel: 'warning',
});
