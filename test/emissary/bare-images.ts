import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { cacheDir } from '../node/cache.ts';
import { ensureFiles } from '../node/debian.ts';
import { withLock } from '../node/lock.ts';
import { must } from '../node/processes.ts';

export const emptyImage = 'podhand-test/empty:latest';
export const debianImage = 'podhand-test/debian:latest';

/** What `FROM scratch` gives. An image has to have a layer: its one entry is a directory. */
export async function ensureEmptyImage(docker: Docker): Promise<void> {
  const tar = pack();
  tar.entry({ name: 'podhand', type: 'directory', mode: 0o755, mtime: new Date(0) });
  tar.finalize();
  await ensure(docker, emptyImage, () => Readable.from(tar));
}

/** Debian's smallest, by debootstrap: half a minute and 200 MB once, then from the cache and the engine. */
export async function ensureDebianImage(docker: Docker): Promise<void> {
  const tree = cacheDir('rootfs', 'debian-trixie');
  await ensure(docker, debianImage, async () => {
    if (!existsSync(tree)) {
      await ensureFiles(['/usr/sbin/debootstrap'], ['debootstrap']);
      await mkdir(cacheDir('rootfs'), { recursive: true });
      await must(['rm', '-rf', `${tree}.new`]);
      process.stderr.write('making a Debian image\n');
      await must(['debootstrap', '--variant=minbase', 'trixie', `${tree}.new`, ...(await mirror())]);
      await rename(`${tree}.new`, tree);
    }
    return spawn('tar', ['-C', tree, '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] }).stdout;
  });
}

/** This machine's own, which debootstrap does not read from the newer format of apt's sources. */
async function mirror(): Promise<string[]> {
  const listed = await must([
    'apt-get',
    'indextargets',
    '--format',
    '$(REPO_URI)',
    'Created-By: Packages',
    'Label: Debian',
  ]);
  const [uri] = listed.split('\n').filter((line) => line !== '');
  return uri === undefined ? [] : [uri];
}

async function ensure(docker: Docker, image: string, tar: () => Promise<Readable> | Readable): Promise<void> {
  await withLock(cacheDir('images.lock'), async () => {
    if ((await docker.listImages({ filters: { reference: [image] } })).length > 0) return;
    const [repo, tag] = image.split(':');
    const progress = (await docker.importImage(await tar(), { repo, tag })) as NodeJS.ReadableStream;
    let said = '';
    for await (const chunk of progress) said += chunk.toString();
    if (said.includes('"error"')) throw new Error(`import of ${image}: ${said}`);
  });
}
