import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from './cache.ts';
import { withLock } from './lock.ts';
import { must } from './processes.ts';

/**
 * Prometheus' own checker, out of Debian's package, which is unpacked into the cache and not installed: an installed one
 * is a server that runs.
 */
export async function promtool(): Promise<string> {
  const place = cacheDir('promtool');
  const program = join(place, 'usr/bin/promtool');
  await withLock(cacheDir('promtool.lock'), async () => {
    if (await isThere(program)) return;
    const download = `${place}.download`;
    await rm(download, { recursive: true, force: true });
    await mkdir(download, { recursive: true });
    const fetch = ['apt-get', '-q', 'download', 'prometheus'];
    // Package lists may be missing or name a version that the mirror has replaced.
    await must(fetch, { cwd: download }).catch(async () => {
      await must(['apt-get', '-q', 'update']);
      await must(fetch, { cwd: download });
    });
    const [archive = ''] = await readdir(download);
    await must(['dpkg-deb', '-x', archive, 'unpacked'], { cwd: download });
    await rm(place, { recursive: true, force: true });
    await rename(join(download, 'unpacked'), place);
    await rm(download, { recursive: true, force: true });
  });
  return program;
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
