import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** QuickJS's own modules have no prefix; the types need one, since Node's have the same names. */
const quickjsModules: Plugin = {
  name: 'quickjs-modules',
  setup(context) {
    context.onResolve({ filter: /^quickjs:/ }, ({ path }) => ({ path: path.slice('quickjs:'.length), external: true }));
  },
};

/** The emissary as one script for QuickJS. */
export async function bundle(): Promise<string> {
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string };
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/emissary/main.ts'],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    minifySyntax: true,
    define: { EMISSARY_VERSION: JSON.stringify(version) },
    plugins: [quickjsModules],
    logLevel: 'warning',
  });
  return outputFiles[0]?.text ?? '';
}
