import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DebianArchive } from '../../test/cluster/build/debian-archive.ts';
import { cacheDir } from '../../test/node/cache.ts';
import { ensureFiles } from '../../test/node/debian.ts';
import { must } from '../../test/node/processes.ts';
import type { Toolchain } from './toolchain.ts';

export const quickjsVersion = '2025.04.26';
const debianVersion = `${quickjsVersion}-1`;

export const compileOptions = [
  ...['-Os', '-fwrapv', '-ffunction-sections', '-fdata-sections', '-fno-asynchronous-unwind-tables'],
  ...['-D_GNU_SOURCE', `-DCONFIG_VERSION="${quickjsVersion}"`],
];
const libraryFiles = ['quickjs', 'dtoa', 'libregexp', 'libunicode', 'cutils', 'quickjs-libc'];

/** The sources, from Debian's source package of trixie, unpacked once. Gives their directory. */
export async function quickjsSources(): Promise<string> {
  return await once(cacheDir('emissary', `quickjs-${debianVersion}`), async (fresh) => {
    const archive = await DebianArchive.open(cacheDir('emissary', 'apt-sources'), { release: 'trixie' });
    await archive.unpackSource(`quickjs=${debianVersion}`, fresh);
  });
}

/** The compiler of scripts, which runs on this machine whatever it compiles for. */
export async function qjsc(): Promise<string> {
  await ensureFiles(['/usr/bin/gcc', '/usr/include/stdlib.h'], ['gcc', 'libc6-dev']);
  const sources = await quickjsSources();
  const directory = await once(cacheDir('emissary', `qjsc-${debianVersion}`), async (fresh) => {
    await mkdir(fresh, { recursive: true });
    const files = [...libraryFiles, 'qjsc'].map((name) => join(sources, `${name}.c`));
    const configuration = ['-DCONFIG_CC="gcc"', '-DCONFIG_PREFIX="/usr"'];
    await must([
      'gcc',
      '-O1',
      ...compileOptions.slice(1),
      ...configuration,
      '-o',
      join(fresh, 'qjsc'),
      ...files,
      '-lm',
      '-ldl',
      '-lpthread',
    ]);
  });
  return join(directory, 'qjsc');
}

/** The interpreter as a library for a toolchain, compiled once. */
export async function quickjsLibrary(toolchain: Toolchain, key: string): Promise<string> {
  const sources = await quickjsSources();
  const directory = await once(cacheDir('emissary', `library-${key}`), async (fresh) => {
    await mkdir(fresh, { recursive: true });
    const objects: string[] = [];
    for (const name of libraryFiles) {
      const object = join(fresh, `${name}.o`);
      await must([...toolchain.compile, ...compileOptions, '-c', '-o', object, `${name}.c`], { cwd: sources });
      objects.push(object);
    }
    await must([toolchain.archive, 'rcsD', join(fresh, 'libquickjs.a'), ...objects]);
    await writeFile(join(fresh, 'toolchain'), `${toolchain.version}\n`);
  });
  return join(directory, 'libquickjs.a');
}

/** Fills a directory completely or not at all. */
async function once(directory: string, fill: (fresh: string) => Promise<void>): Promise<string> {
  if (existsSync(directory)) return directory;
  const fresh = `${directory}.new`;
  await must(['rm', '-rf', fresh]);
  await fill(fresh);
  await rename(fresh, directory);
  return directory;
}
