import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { ensureFiles } from './debian.ts';
import { must } from './processes.ts';

/** One entry of a root tree; `path` is relative to the root, parents come first. Owner is root. */
export type RootEntry =
  | { readonly type: 'directory'; readonly path: string; readonly mode: number }
  | { readonly type: 'file'; readonly path: string; readonly mode: number; readonly content: Buffer }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }
  | { readonly type: 'link'; readonly path: string; readonly target: string };

/** The root tree of a container, the same for every runtime. `key` changes with each byte of it. */
export interface Rootfs {
  readonly name: RootfsName;
  readonly key: string;
  readonly entries: readonly RootEntry[];
}

export type RootfsName = 'busybox' | 'scratch' | 'node';

const busybox = '/usr/bin/busybox';

/** What the image without a shell can run: applets of busybox, each of which is chosen by its own name alone. */
export const scratchApplets = ['cat', 'cp', 'dd', 'echo', 'env', 'false', 'ls', 'mkdir', 'sleep', 'true'] as const;

/** Users of the images with a shell: root, `nobody` and `user` (uid and gid 1234, also in group 2345). */
const passwd =
  'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\nuser:x:1234:1234:user:/home/user:/bin/sh\n';
const group = 'root:x:0:\nnobody:x:65534:\nuser:x:1234:\nextra:x:2345:user\n';

/** Builds the tree of an image from programs of this machine (`busybox-static`, and the Node that runs this). */
export async function buildRootfs(name: RootfsName): Promise<Rootfs> {
  await ensureFiles([busybox], ['busybox-static']);
  const entries = await build[name]();
  const hash = createHash('sha256');
  for (const entry of entries) {
    const { content, ...rest } = { content: Buffer.alloc(0), ...entry };
    hash.update(JSON.stringify(rest)).update(content);
  }
  return { name, key: hash.digest('hex').slice(0, 16), entries };
}

const build: Record<RootfsName, () => Promise<RootEntry[]>> = {
  /** One static file under ten names; no shell, no passwd, no /tmp, no tar, no kill. */
  async scratch() {
    const content = await readFile(busybox);
    const [first, ...others] = scratchApplets;
    return [
      directory('bin'),
      { type: 'file', path: `bin/${first}`, mode: 0o755, content },
      ...others.map((name) => ({ type: 'link', path: `bin/${name}`, target: `bin/${first}` }) as const),
    ];
  },

  async busybox() {
    const content = await readFile(busybox);
    const applets = (await must([busybox, '--list'])).split('\n').filter((name) => name !== '' && name !== 'busybox');
    return [
      ...['bin', 'dev', 'etc', 'home', 'proc', 'root', 'run', 'sys', 'usr', 'usr/bin', 'var'].map((path) =>
        directory(path),
      ),
      directory('tmp', 0o1777),
      directory('var/tmp', 0o1777),
      directory('home/user', 0o777),
      text('etc/passwd', passwd),
      text('etc/group', group),
      text('etc/hostname', 'container\n'),
      { type: 'file', path: 'bin/busybox', mode: 0o755, content },
      ...applets.map((name) => ({ type: 'symlink', path: `bin/${name}`, target: '/bin/busybox' }) as const),
    ];
  },

  /** busybox, and Node with the libraries that it is linked with. */
  async node() {
    const node = await realpath(process.execPath);
    const libraries = (await must(['ldd', node])).match(/\/\S+(?= \()/g) ?? [];
    const files = new Map([['usr/bin/node', node], ...libraries.map((path) => [path.slice(1), path] as const)]);
    const entries = await build.busybox();
    const known = new Set(entries.map((entry) => entry.path));
    for (const [path, source] of files) {
      entries.push(
        ...parents(path)
          .filter((dir) => !known.has(dir))
          .map((dir) => directory(dir)),
      );
      for (const dir of parents(path)) known.add(dir);
      entries.push({ type: 'file', path, mode: 0o755, content: await readFile(source) });
    }
    return entries;
  },
};

function parents(path: string): string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}

function directory(path: string, mode = 0o755): RootEntry {
  return { type: 'directory', path, mode };
}

function text(path: string, content: string): RootEntry {
  return { type: 'file', path, mode: 0o644, content: Buffer.from(content) };
}
