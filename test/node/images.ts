import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { cacheDir } from './cache.ts';
import { withLock } from './lock.ts';
import { buildRootfs, type Rootfs, type RootfsName } from './rootfs.ts';

/** An image of the tests: its root tree, and Dockerfile instructions on top of it. */
interface Recipe {
  readonly rootfs: RootfsName;
  readonly changes: readonly string[];
}

const recipes = {
  'podhand-test/busybox:latest': { rootfs: 'busybox', changes: ['CMD ["/bin/sh"]'] },
  'podhand-test/scratch:latest': { rootfs: 'scratch', changes: ['CMD ["/bin/sleep", "3600"]'] },
  'podhand-test/node:latest': { rootfs: 'node', changes: ['CMD ["/usr/bin/node"]'] },
  // What holds a pod's namespaces, and reaps what is left to it, under a kubelet.
  'podhand-test/pause:latest': {
    rootfs: 'busybox',
    changes: ['ENTRYPOINT ["/bin/sh", "-c", "trap \'exit 0\' TERM INT; while :; do sleep 2000000 & wait $!; done"]'],
  },
  'podhand-test/entrypoint:exec': {
    rootfs: 'busybox',
    changes: ['ENTRYPOINT ["/bin/echo", "two words"]', 'CMD ["and", "an argument"]'],
  },
  'podhand-test/entrypoint:shell': { rootfs: 'busybox', changes: ['ENTRYPOINT echo "$HOME" && exec sleep 3600'] },
  'podhand-test/entrypoint:cmd': { rootfs: 'busybox', changes: ['CMD ["/bin/sleep", "3600"]'] },
  'podhand-test/entrypoint:empty': { rootfs: 'busybox', changes: [] },
  'podhand-test/entrypoint:user': {
    rootfs: 'busybox',
    changes: ['ENTRYPOINT ["/bin/id"]', 'USER 1234', 'WORKDIR /home/user', 'ENV GREETING=hello'],
  },
} as const satisfies Record<string, Recipe>;

export type TestImage = keyof typeof recipes;

const keyLabel = 'podhand-test.key';

/** Makes sure that the engine has this image, made on this machine, of this very content. No registry is asked. */
export async function ensureImage(docker: Docker, image: TestImage): Promise<void> {
  const recipe: Recipe = recipes[image];
  const rootfs = await buildRootfs(recipe.rootfs);
  const key = createHash('sha256')
    .update(JSON.stringify([rootfs.key, recipe.changes]))
    .digest('hex');
  if ((await find(docker, image))?.Labels?.[keyLabel] === key) return;
  await withLock(cacheDir('images.lock'), async () => {
    const old = await find(docker, image);
    if (old?.Labels?.[keyLabel] === key) return;
    await importImage(docker, image, rootfs, [...recipe.changes, `LABEL ${keyLabel}=${key}`]);
    // Refused while a container still uses it; then it is left to the engine's own pruning.
    if (old !== undefined)
      await docker
        .getImage(old.Id)
        .remove()
        .catch(() => {});
  });
}

/** All of them. About 200 MB in the engine. */
export async function ensureImages(docker: Docker): Promise<void> {
  for (const image of Object.keys(recipes) as TestImage[]) await ensureImage(docker, image);
}

async function find(docker: Docker, image: string): Promise<Docker.ImageInfo | undefined> {
  const found = await docker.listImages({ filters: { reference: [image] } });
  return found[0];
}

async function importImage(docker: Docker, image: string, rootfs: Rootfs, changes: string[]): Promise<void> {
  const [repo, tag] = image.split(':');
  const progress = (await docker.importImage(tarOf(rootfs), { repo, tag, changes })) as NodeJS.ReadableStream;
  const lines: string[] = [];
  for await (const chunk of progress) lines.push(chunk.toString());
  const failure = lines
    .join('')
    .split('\n')
    .find((line) => line.includes('"error"'));
  if (failure !== undefined) throw new Error(`import of ${image}: ${failure}`);
}

/** The tree as a tar stream; times are fixed, so that equal trees are equal layers. */
function tarOf(rootfs: Rootfs): Readable {
  const tar = pack();
  const common = { mtime: new Date(0), uid: 0, gid: 0 };
  for (const entry of rootfs.entries) {
    const header = { ...common, name: entry.path };
    if (entry.type === 'file') tar.entry({ ...header, mode: entry.mode }, entry.content);
    else if (entry.type === 'directory') tar.entry({ ...header, type: 'directory', mode: entry.mode });
    else tar.entry({ ...header, mode: 0o755, type: entry.type, linkname: entry.target });
  }
  tar.finalize();
  return Readable.from(tar);
}
