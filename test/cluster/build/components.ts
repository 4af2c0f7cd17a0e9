import { access, copyFile, cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../node/cache.ts';
import { ensureFiles } from '../../node/debian.ts';
import { withLock } from '../../node/lock.ts';
import { must } from '../../node/processes.ts';
import { DebianArchive } from './debian-archive.ts';
import { countingPackages, showing } from './progress.ts';

const version = '1.20.2';

/** Programs built from Kubernetes' own source. kubectl serves where the machine has none. */
const built = ['kubelet', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'] as const;
/** Plugins that containerd's CRI needs to give a pod a network. */
const plugins = ['bridge', 'host-local', 'loopback'] as const;

/** Directories of programs, all below the cache directory. */
export interface Components {
  /** etcd, and Kubernetes' own: kubelet and so on. */
  readonly bin: string;
  /** CNI plugins. */
  readonly cni: string;
}

/** Where they are once they have been built. */
export function builtComponents(): Components {
  return { bin: join(home(), 'bin'), cni: join(home(), 'cni') };
}

function home(): string {
  return cacheDir('kubernetes', version);
}

/** Ten minutes on two free cores; another run of the tests may be at it, on a busy machine. */
const buildWithinSeconds = 3600;

/**
 * The programs of a cluster. The first call on a machine downloads Debian's source package of Kubernetes and builds
 * it (10 minutes on 2 cores, 5 GB of disk meanwhile, 600 MB kept); a broken build goes on from where it was.
 */
export async function ensureComponents(): Promise<Components> {
  const components = builtComponents();
  if (await there(home())) return components;
  const work = cacheDir('kubernetes', 'build');
  await withLock(
    cacheDir('kubernetes', 'build.lock'),
    async () => {
      if (await there(home())) return;
      await build(work, home());
      await rm(work, { recursive: true, force: true });
    },
    buildWithinSeconds,
  );
  return components;
}

async function build(work: string, home: string): Promise<void> {
  await ensureFiles(['/usr/bin/make', '/usr/bin/rsync'], ['make', 'rsync']);
  say('downloading the source of Kubernetes, its compiler, etcd and CNI plugins from Debian');
  const archive = await DebianArchive.open(join(work, 'debian'));
  const root = join(work, 'root');
  await archive.unpack(['golang-1.19-go', 'golang-1.19-src', 'etcd-server', 'containernetworking-plugins'], root);
  const tree = join(work, 'go/src/k8s.io/kubernetes');
  await mkdir(join(tree, '..'), { recursive: true });
  if (!(await there(tree))) await archive.unpackSource('kubernetes', tree);
  await compile(work, root, tree);
  await collect(root, tree, home);
}

async function compile(work: string, root: string, tree: string): Promise<void> {
  const versionFile = join(work, 'version');
  const facts = { COMMIT: 'debian', TREE_STATE: 'archive', VERSION: `v${version}`, MAJOR: '1', MINOR: '20' };
  await writeFile(
    versionFile,
    Object.entries(facts)
      .map(([name, value]) => `KUBE_GIT_${name}='${value}'\n`)
      .join(''),
  );
  const { PATH } = process.env;
  const settings = {
    PATH: `${join(root, 'usr/lib/go-1.19/bin')}:${PATH}`,
    GOROOT: join(root, 'usr/lib/go-1.19'),
    GOPATH: join(work, 'go'),
    GOCACHE: join(work, 'cache'),
    GO111MODULE: 'off',
    GOTOOLCHAIN: 'local',
    GOFLAGS: '-v',
    CGO_ENABLED: '0',
    KUBE_GIT_VERSION_FILE: versionFile,
  };
  say(`building Kubernetes ${version}: this takes about ten minutes, once`);
  const what = built.map((name) => `cmd/${name}`).join(' ');
  await showing(['nice', '-n', '10', 'make', `WHAT=${what}`], countingPackages(), {
    cwd: tree,
    env: { ...process.env, ...settings },
  });
}

async function collect(root: string, tree: string, home: string): Promise<void> {
  const unfinished = `${home}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  for (const below of ['bin', 'cni']) await mkdir(join(unfinished, below), { recursive: true });
  for (const name of built) await copyFile(join(tree, '_output/bin', name), join(unfinished, 'bin', name));
  await copyFile(join(root, 'usr/bin/etcd'), join(unfinished, 'bin/etcd'));
  for (const name of plugins) await cp(join(root, 'usr/lib/cni', name), join(unfinished, 'cni', name));
  const said = await must([join(unfinished, 'bin/kubelet'), '--version']);
  if (!said.includes(version)) throw new Error(`the kubelet that was built calls itself ${said}`);
  await rename(unfinished, home);
}

async function there(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
