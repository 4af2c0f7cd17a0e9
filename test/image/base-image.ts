import { copyFile, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { cacheDir } from '../node/cache.ts';
import { ensureFiles } from '../node/debian.ts';
import { withLock } from '../node/lock.ts';
import { must } from '../node/processes.ts';

const authorities = '/etc/ssl/certs/ca-certificates.crt';

/**
 * What `node:24-trixie-slim` is, made on this machine, since no registry is asked: Debian trixie by debootstrap, the Node
 * that runs this in /usr/local/bin, and npm. Its npm asks the registry that this machine's asks, and trusts whom this
 * machine trusts. Made once for each version of Node; half a minute. Gives its name.
 */
export async function ensureNodeBase(docker: Docker, socketPath: string): Promise<string> {
  const image = `podhand-test/node-base:${process.versions.node}-trixie`;
  const found = () => docker.listImages({ filters: { reference: [image] } });
  if ((await found()).length > 0) return image;
  await ensureFiles(
    ['/usr/sbin/debootstrap', '/usr/bin/docker', authorities],
    ['debootstrap', 'docker.io', 'ca-certificates'],
  );
  await withLock(cacheDir('node-base.lock'), async () => {
    if ((await found()).length > 0) return;
    process.stderr.write('making the base image: Debian trixie with Node\n');
    const root = cacheDir('images', 'node-base');
    await rm(root, { recursive: true, force: true });
    await mkdir(root, { recursive: true });
    await must(['debootstrap', '--variant=minbase', '--include=ca-certificates,libstdc++6', 'trixie', root]);
    await addNode(root);
    const tar = cacheDir('images', 'node-base.tar');
    await must(['tar', '-C', root, '--one-file-system', '-cf', tar, '.']);
    const registry = (await must(['npm', 'config', 'get', 'registry'])).trim();
    const settings = [
      `NODE_EXTRA_CA_CERTS=${authorities}`,
      `npm_config_cafile=${authorities}`,
      `npm_config_registry=${registry}`,
    ];
    const changes = ['ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'CMD ["node"]'];
    for (const setting of settings) changes.push(`ENV ${setting}`);
    const options = changes.flatMap((change) => ['--change', change]);
    await must(['docker', '-H', `unix://${socketPath}`, 'import', ...options, tar, image]);
    for (const path of [root, tar]) await rm(path, { recursive: true, force: true });
  });
  return image;
}

async function addNode(root: string): Promise<void> {
  const node = join(root, 'usr/local/bin/node');
  await copyFile(await realpath(process.execPath), node);
  await writeFile(join(root, authorities), await readFile(authorities));
  const modules = join(root, 'usr/local/lib/node_modules');
  await mkdir(modules, { recursive: true });
  const [packed = ''] = (await must(['npm', 'pack', '--silent', 'npm@11', '--pack-destination', modules]))
    .trim()
    .split('\n')
    .slice(-1);
  await must(['tar', '-C', modules, '-xzf', join(modules, packed)]);
  await must(['mv', join(modules, 'package'), join(modules, 'npm')]);
  await rm(join(modules, packed));
  await must(['ln', '-s', '../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm')]);
}
