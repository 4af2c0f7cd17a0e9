import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFiles } from '../../node/debian.ts';
import { must } from '../../node/processes.ts';

export interface ArchiveOptions {
  /** Default `bookworm`: it still carries Kubernetes 1.20 (with dockershim), and the last Go that builds it. */
  readonly release?: string;
  /** As Debian names it; default this machine's. */
  readonly architecture?: string;
}

/** A place that this machine's own apt fetches packages of Debian from. */
interface Origin {
  readonly uri: string;
  readonly options: string;
}

/**
 * Packages of one Debian release, whatever release this machine has, unpacked without being installed. Asks the mirrors
 * that the machine's own apt is set up with, by an apt configuration of its own below `dir`: the system's stays as it is.
 */
export class DebianArchive {
  readonly #dir: string;
  readonly #architecture: string | undefined;

  private constructor(dir: string, architecture: string | undefined) {
    this.#dir = dir;
    this.#architecture = architecture;
  }

  static async open(dir: string, options: ArchiveOptions = {}): Promise<DebianArchive> {
    const { release = 'bookworm', architecture } = options;
    await ensureFiles(['/usr/bin/apt-get', '/usr/bin/dpkg-source', '/usr/bin/xz'], ['dpkg-dev', 'xz-utils']);
    const archive = new DebianArchive(dir, architecture);
    for (const below of ['lists/partial', 'archives/partial', 'packages'])
      await mkdir(join(dir, below), { recursive: true });
    const origins = await originsOf('/etc/apt', release);
    await writeFile(join(dir, 'status'), '');
    const lines = origins.flatMap(({ uri, options }) =>
      ['deb', 'deb-src'].map((type) => `${type} ${options}${uri} ${release} main\n`),
    );
    await writeFile(join(dir, 'sources.list'), lines.join(''));
    await must(archive.#apt('update'), { cwd: dir });
    return archive;
  }

  /** Unpacks a source package, patched, to `into`, which is there completely or not at all. */
  async unpackSource(name: string, into: string): Promise<void> {
    const downloads = join(this.#dir, name);
    await mkdir(downloads, { recursive: true });
    // An interrupted build may have left that of an older version.
    for (const old of await readdir(downloads)) if (old.endsWith('.dsc')) await rm(join(downloads, old));
    await must(this.#apt('source', '--download-only', name), { cwd: downloads });
    const [dsc] = (await readdir(downloads)).filter((file) => file.endsWith('.dsc'));
    if (dsc === undefined) throw new Error(`apt-get source ${name} leaves no .dsc file in ${downloads}`);
    const unfinished = `${into}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await must(['dpkg-source', '--no-check', '--extract', dsc, unfinished], { cwd: downloads });
    await rename(unfinished, into);
  }

  /** Unpacks binary packages over each other to `into`; what they depend on is not looked at. */
  async unpack(names: readonly string[], into: string): Promise<void> {
    const downloads = join(this.#dir, 'packages');
    await must(this.#apt('download', ...names), { cwd: downloads });
    await mkdir(into, { recursive: true });
    for (const file of await readdir(downloads)) {
      if (!names.some((name) => file.startsWith(`${name}_`) && file.endsWith('.deb'))) continue;
      await must(['dpkg-deb', '--extract', join(downloads, file), into]);
    }
  }

  #apt(...args: string[]): string[] {
    const settings = {
      'Dir::Etc::SourceList': join(this.#dir, 'sources.list'),
      'Dir::Etc::SourceParts': '/dev/null',
      'Dir::State::Lists': join(this.#dir, 'lists'),
      'Dir::Cache': this.#dir,
      'Dir::Cache::Archives': join(this.#dir, 'archives'),
      'Acquire::Retries': '3',
      // Everything below is ours: apt would rather read as its own user, which may not reach the directory.
      'APT::Sandbox::User': 'root',
      ...(this.#architecture !== undefined && {
        'APT::Architecture': this.#architecture,
        'APT::Architectures': this.#architecture,
        // What is installed here is of another architecture.
        'Dir::State::Status': join(this.#dir, 'status'),
      }),
    };
    return [
      'apt-get',
      '-q',
      ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
      ...args,
    ];
  }
}

/** Where apt gets section main of Debian itself, of whatever release; not the archives of third parties. */
async function originsOf(etc: string, release: string): Promise<Origin[]> {
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1] ?? '';
  const suites = [codename, release, 'stable', 'oldstable'];
  const parts = await readdir(join(etc, 'sources.list.d')).catch((): string[] => []);
  const files = [join(etc, 'sources.list'), ...parts.map((name) => join(etc, 'sources.list.d', name))];
  const found: Origin[] = [];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const entries = file.endsWith('.sources') ? stanzas(text) : file.endsWith('.list') ? lines(text) : [];
    for (const { uri, options, offers } of entries)
      if (offers.includes('main') && suites.some((suite) => offers.includes(suite))) found.push({ uri, options });
  }
  if (found.length === 0) throw new Error(`${etc} names no mirror of Debian, whose ${release} is needed`);
  return found;
}

type Entry = Origin & { readonly offers: readonly string[] };

function lines(text: string): Entry[] {
  return [...text.matchAll(/^deb\s+(\[[^\]]*\]\s+)?(\S+)\s+(.+)$/gm)].map(
    ([, options = '', uri = '', offers = '']) => ({ uri, options, offers: offers.split(/\s+/) }),
  );
}

function stanzas(text: string): Entry[] {
  const plain = text.replace(/^#.*\n/gm, '');
  return plain.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name: string) => new RegExp(`^${name}:[ \\t]*(\\S.*)$`, 'mi').exec(stanza)?.[1]?.trim() ?? '';
    // A key may be written out in the stanza, over several lines; apt's own keyrings then have to do.
    const options = field('Signed-By').startsWith('/') ? `[signed-by=${field('Signed-By')}] ` : '';
    const offers = `${field('Suites')} ${field('Components')}`.split(/\s+/);
    return field('URIs')
      .split(/\s+/)
      .filter(Boolean)
      .map((uri) => ({ uri, options, offers }));
  });
}
