import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDir } from '../../test/node/cache.ts';
import { withLock } from '../../test/node/lock.ts';
import { must } from '../../test/node/processes.ts';
import { bundle } from './bundle.ts';
import { compileOptions, qjsc, quickjsLibrary, quickjsSources, quickjsVersion } from './quickjs.ts';
import { type Architecture, linkOptions, toolchain } from './toolchain.ts';

const nativeFile = fileURLToPath(new URL('../../src/emissary/native/native.c', import.meta.url));

/** The most that the binary may weigh. */
export const largestBytes = 1024 * 1024;

/**
 * The emissary's static binary, built where the cache does not have it of exactly these sources and this compiler.
 * About half a minute the first time, three seconds after a change. Gives its path, which is never written again.
 */
export async function ensureEmissary(architecture: Architecture): Promise<string> {
  return await withLock(cacheDir('emissary', 'build.lock'), async () => {
    const script = await bundle();
    const tools = await toolchain(architecture);
    const key = digest(
      architecture,
      tools.version,
      quickjsVersion,
      compileOptions,
      linkOptions,
      script,
      readFileSync(nativeFile, 'utf8'),
    );
    const path = cacheDir('emissary', key, `podhand-emissary-${architecture}`);
    if (!existsSync(path)) {
      const fresh = `${path}.new`;
      await mkdir(dirname(path), { recursive: true });
      await buildEmissary(architecture, script, fresh);
      await rename(fresh, path);
    }
    return path;
  });
}

/** Builds without looking into the cache for the result. Equal sources and compilers give equal bytes. */
export async function buildEmissary(architecture: Architecture, script: string, output: string): Promise<void> {
  const tools = await toolchain(architecture);
  const library = await quickjsLibrary(tools, digest(architecture, tools.version, quickjsVersion, compileOptions));
  const sources = await quickjsSources();
  const work = await mkdtemp(cacheDir('emissary', 'work-'));
  try {
    await writeFile(join(work, 'emissary.js'), script);
    // -e: with main(); -m: an ES module.
    await must([await qjsc(), '-e', '-m', '-M', 'native,native', '-o', 'emissary.c', 'emissary.js'], { cwd: work });
    await copyFile(nativeFile, join(work, 'native.c'));
    const include = ['-I', sources];
    // The C main() is in native.c, which goes before the script's.
    await must(
      [...tools.compile, ...compileOptions, ...include, '-Dmain=quickjs_main', '-c', '-o', 'emissary.o', 'emissary.c'],
      { cwd: work },
    );
    await must(
      [...tools.compile, ...compileOptions, ...include, '-Wall', '-Werror', '-c', '-o', 'native.o', 'native.c'],
      { cwd: work },
    );
    await must(tools.link(['emissary.o', 'native.o', library], 'podhand-emissary'), { cwd: work });
    await must([tools.strip, '--strip-all', 'podhand-emissary'], { cwd: work });
    await copyFile(join(work, 'podhand-emissary'), output);
    await chmod(output, 0o555);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function digest(...parts: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
