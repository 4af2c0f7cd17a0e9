import { chmod, link, mkdir, mkdtemp, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../cache.ts';
import { withLock } from '../lock.ts';
import { buildRootfs, type RootEntry, type RootfsName } from '../rootfs.ts';

/** The directory with an image's root tree, made once and then shared, read-only, by every container. */
export async function ensureRootTree(name: RootfsName): Promise<string> {
  const rootfs = await buildRootfs(name);
  const dir = cacheDir('rootfs', `${name}-${rootfs.key}`);
  if (await isThere(dir)) return dir;
  await withLock(cacheDir('rootfs.lock'), async () => {
    if (await isThere(dir)) return;
    await mkdir(cacheDir('rootfs'), { recursive: true });
    const unfinished = await mkdtemp(cacheDir('rootfs', 'unfinished-'));
    await chmod(unfinished, 0o755);
    for (const entry of rootfs.entries) await write(unfinished, entry);
    await rename(unfinished, dir).catch(async (error) => {
      await rm(unfinished, { recursive: true, force: true });
      throw error;
    });
  });
  return dir;
}

async function write(root: string, entry: RootEntry): Promise<void> {
  const path = join(root, entry.path);
  switch (entry.type) {
    case 'symlink':
      return await symlink(entry.target, path);
    case 'link':
      return await link(join(root, entry.target), path);
    case 'directory':
      await mkdir(path);
      return await chmod(path, entry.mode);
    case 'file':
      await writeFile(path, entry.content);
      return await chmod(path, entry.mode);
  }
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
