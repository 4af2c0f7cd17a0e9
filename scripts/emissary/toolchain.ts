import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { DebianArchive } from '../../test/cluster/build/debian-archive.ts';
import { cacheDir } from '../../test/node/cache.ts';
import { ensureFiles } from '../../test/node/debian.ts';
import { must } from '../../test/node/processes.ts';

export const architectures = ['amd64', 'arm64'] as const;
export type Architecture = (typeof architectures)[number];

/** How to compile and link for an architecture: words of a command, before and after the files. */
export interface Toolchain {
  readonly compile: readonly string[];
  readonly link: (objects: readonly string[], output: string) => readonly string[];
  readonly archive: string;
  readonly strip: string;
  /** What identifies the compiler and the libc. */
  readonly version: string;
}

/** This machine's own architecture, as Debian names it. Errors: where it is neither of the two. */
export function ownArchitecture(): Architecture {
  if (process.arch === 'x64') return 'amd64';
  if (process.arch === 'arm64') return 'arm64';
  throw new Error(`the emissary is built on amd64 and arm64, not on ${process.arch}`);
}

/** musl's own compiler wrapper here; for the other architecture Debian's cross compiler with that architecture's musl. */
export async function toolchain(architecture: Architecture): Promise<Toolchain> {
  return architecture === ownArchitecture() ? await native() : await cross(architecture);
}

async function native(): Promise<Toolchain> {
  await ensureFiles(['/usr/bin/musl-gcc', '/usr/bin/gcc'], ['musl-tools', 'gcc']);
  return {
    compile: ['/usr/bin/musl-gcc'],
    link: (objects, output) => ['/usr/bin/musl-gcc', '-static', ...linkOptions, '-o', output, ...objects, '-lm'],
    archive: 'ar',
    strip: 'strip',
    version: `${await versionOf('/usr/bin/gcc')} ${await must(['dpkg-query', '--show', 'musl-dev'])}`,
  };
}

const triplets: Record<Architecture, string> = { amd64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
export const linkOptions = ['-Wl,--gc-sections', '-Wl,--build-id=none', '-Wl,-z,noexecstack'];

async function cross(architecture: Architecture): Promise<Toolchain> {
  const triplet = triplets[architecture];
  const gcc = `/usr/bin/${triplet}-gcc`;
  await ensureFiles([gcc], [`gcc-${triplet.replace('_', '-')}`]);
  const musl = cacheDir('emissary', `musl-trixie-${architecture}`);
  if (!existsSync(musl)) {
    const fresh = `${musl}.new`;
    await must(['rm', '-rf', fresh]);
    const options = { release: 'trixie', architecture };
    const archive = await DebianArchive.open(cacheDir('emissary', `apt-${architecture}`), options);
    await archive.unpack(['musl-dev'], fresh);
    await rename(fresh, musl);
  }
  const directory = architecture === 'arm64' ? 'aarch64-linux-musl' : 'x86_64-linux-musl';
  const library = (name: string) => join(musl, 'usr/lib', directory, name);
  const builtIn = (await must([gcc, '-print-file-name=include'])).trim();
  return {
    // Debian's libgcc asks glibc for the processor's features; without outlined atomics it does not.
    compile: [
      ...[gcc, '-nostdinc', '-isystem', join(musl, 'usr/include', directory), '-isystem', builtIn],
      ...(architecture === 'arm64' ? ['-mno-outline-atomics'] : []),
    ],
    link: (objects, output) => [
      ...[gcc, '-static', '-nostdlib', ...linkOptions, '-o', output, library('crt1.o'), library('crti.o')],
      ...[...objects, '-Wl,--start-group', library('libc.a'), '-lgcc', '-Wl,--end-group', library('crtn.o')],
    ],
    archive: `${triplet}-ar`,
    strip: `${triplet}-strip`,
    version: `${await versionOf(gcc)} musl of trixie`,
  };
}

async function versionOf(gcc: string): Promise<string> {
  return (await must([gcc, '--version'])).split('\n')[0] ?? '';
}
