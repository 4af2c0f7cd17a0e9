import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../test/node/cache.ts';
import { ensureFiles } from '../../test/node/debian.ts';
import { must } from '../../test/node/processes.ts';

/**
 * Debian packages of another suite or architecture, from this machine's own Debian mirror and checked with Debian's own
 * keys, by an apt configuration apart: the system's sources stay as they are. `suite` of undefined is the machine's own.
 */
export class DebianSource {
  readonly #home: string;
  readonly #suite: string | undefined;
  readonly #architecture: string | undefined;

  constructor(suite: string | undefined, architecture?: string) {
    this.#suite = suite;
    this.#architecture = architecture;
    this.#home = cacheDir('emissary', `apt-${suite ?? 'own'}-${architecture ?? 'source'}`);
  }

  /** Unpacks a source package into `directory`. Errors: where the mirror has no longer exactly this version. */
  async unpackSource(name: string, version: string, directory: string): Promise<void> {
    await ensureFiles(['/usr/bin/dpkg-source'], ['dpkg-dev']);
    const work = await this.#updated('deb-src');
    await must([...this.#apt('source', '--download-only', `${name}=${version}`)], { cwd: work });
    await must(['dpkg-source', '--extract', `${name}_${version}.dsc`, directory], { cwd: work });
  }

  /** Unpacks a binary package of this architecture into `directory`; nothing is installed. */
  async unpackBinary(name: string, directory: string): Promise<void> {
    const work = await this.#updated('deb');
    await must(this.#apt('download', `${name}:${this.#architecture}`), { cwd: work });
    const archive = (await readdir(work)).find((file) => file.startsWith(`${name}_`) && file.endsWith('.deb'));
    if (archive === undefined) throw new Error(`apt-get download ${name} left no package`);
    await must(['dpkg-deb', '--extract', join(work, archive), directory]);
  }

  async #updated(type: 'deb' | 'deb-src'): Promise<string> {
    const work = join(this.#home, 'work');
    await must(['rm', '-rf', this.#home]);
    for (const path of ['lists/partial', 'cache/archives/partial', 'sources', 'work'])
      await mkdir(join(this.#home, path), { recursive: true });
    await writeFile(join(this.#home, 'status'), '');
    await writeFile(join(this.#home, 'sources', 'debian.sources'), await this.#entry(type));
    await must(this.#apt('update'));
    return work;
  }

  #apt(...words: string[]): string[] {
    const settings: Record<string, string> = {
      'Dir::Etc::SourceList': '/dev/null',
      'Dir::Etc::SourceParts': join(this.#home, 'sources'),
      'Dir::State::Lists': join(this.#home, 'lists'),
      'Dir::State::Status': join(this.#home, 'status'),
      'Dir::Cache': join(this.#home, 'cache'),
      'APT::Sandbox::User': 'root',
      ...(this.#architecture !== undefined && {
        'APT::Architecture': this.#architecture,
        'APT::Architectures': this.#architecture,
      }),
    };
    return [
      'apt-get',
      '-q',
      ...Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]),
      ...words,
    ];
  }

  async #entry(type: 'deb' | 'deb-src'): Promise<string> {
    const { uri, suite, signedBy } = await ownMirror();
    const signed = signedBy === undefined ? '' : `Signed-By: ${signedBy}\n`;
    return `Types: ${type}\nURIs: ${uri}\nSuites: ${this.#suite ?? suite}\nComponents: main\n${signed}`;
  }
}

interface Mirror {
  readonly uri: string;
  readonly suite: string;
  readonly signedBy: string | undefined;
}

const suites = /^(bookworm|trixie|forky|stable|testing|unstable|sid)$/;
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The Debian archive that this machine installs from, in either format of apt's sources. */
async function ownMirror(): Promise<Mirror> {
  const parts = await readdir('/etc/apt/sources.list.d').catch(() => []);
  const files = ['/etc/apt/sources.list', ...parts.map((name) => `/etc/apt/sources.list.d/${name}`)];
  for (const file of files.filter((name) => /\.(list|sources)$/.test(name))) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const entries = file.endsWith('.sources') ? text.split(/\n\s*\n/).map(fromStanza) : text.split('\n').map(fromLine);
    const mirror = entries.find((entry) => entry !== undefined && suites.test(entry.suite));
    if (mirror !== undefined) return mirror;
  }
  throw new Error('no Debian archive among the apt sources of this machine');
}

function fromStanza(stanza: string): Mirror | undefined {
  const field = (name: string) => new RegExp(`^${name}:[ \t]*(.+)$`, 'mi').exec(stanza)?.[1]?.trim();
  const [types, uri, suite] = [field('Types'), field('URIs')?.split(/\s+/)[0], field('Suites')?.split(/\s+/)[0]];
  if (!types?.split(/\s+/).includes('deb') || uri === undefined || suite === undefined) return undefined;
  return { uri, suite, signedBy: field('Signed-By') ?? keyring };
}

function fromLine(line: string): Mirror | undefined {
  const [, , uri, suite] = /^deb\s+(\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s/.exec(line) ?? [];
  return uri === undefined || suite === undefined ? undefined : { uri, suite, signedBy: keyring };
}
