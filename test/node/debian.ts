import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from './cache.ts';
import { withLock } from './lock.ts';
import { must } from './processes.ts';

/**
 * Makes sure that programs of Debian packages are there. `files` are absolute paths; where one is missing all
 * `packages` are installed by apt-get, which takes root and Debian or a system made from it. Elsewhere it says what is
 * missing, loudly.
 */
export async function ensureFiles(files: readonly string[], packages: readonly string[]): Promise<void> {
  if ((await missing(files)).length === 0) return;
  await withLock(cacheDir('apt.lock'), async () => {
    const absent = await missing(files);
    if (absent.length > 0) await install(packages, absent);
  });
  const absent = await missing(files);
  if (absent.length > 0) throw new Error(`${packages.join(' ')} installed, yet ${absent.join(', ')} missing`);
}

async function install(packages: readonly string[], absent: readonly string[]): Promise<void> {
  const needed = `${absent.join(', ')} missing (Debian: apt-get install ${packages.join(' ')})`;
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  if (!/^ID(_LIKE)?=.*debian/m.test(release)) throw new Error(`${needed}; this is no Debian, install it by hand`);
  if (process.getuid?.() !== 0) throw new Error(`${needed}; only root can install it`);
  process.stderr.write(`installing ${packages.join(' ')}\n`);
  const get = [
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    'apt-get',
    '-y',
    '-q',
    '--no-install-recommends',
    '-o',
    'DPkg::Lock::Timeout=300',
  ];
  // Package lists may be missing or name versions that the mirror has replaced.
  await must([...get, 'install', ...packages]).catch(async () => {
    await must([...get, 'update']);
    await must([...get, 'install', ...packages]);
  });
}

async function missing(files: readonly string[]): Promise<string[]> {
  const checked = await Promise.all(
    files.map((file) =>
      access(file).then(
        () => '',
        () => file,
      ),
    ),
  );
  return checked.filter(Boolean);
}

/** Where a program of this machine is, by PATH order of a root shell. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const dir of [
    '/usr/local/sbin',
    '/usr/local/bin',
    '/usr/sbin',
    '/usr/bin',
    '/sbin',
    '/bin',
    '/usr/local/go/bin',
  ]) {
    const path = join(dir, name);
    if ((await missing([path])).length === 0) return path;
  }
  return undefined;
}
