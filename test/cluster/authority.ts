import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../node/processes.ts';

/** Files in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Subject {
  /** Common name: the user, where it is a client's. */
  readonly name: string;
  /** The group, where it is a client's. */
  readonly organization?: string;
  /** What a server may be called, as `IP:…` and `DNS:…`; without any it is a client's certificate. */
  readonly serves?: readonly string[];
}

const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const days = '365';

/** A certificate authority in a directory of its own, by openssl. */
export class Authority {
  readonly ca: Certificate;
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
    this.ca = filesOf(join(dir, 'ca'));
  }

  static async create(dir: string, name: string): Promise<Authority> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const authority = new Authority(dir);
    const usage = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
    await authority.#make('ca', [], { name }, [...usage, 'subjectKeyIdentifier=hash']);
    return authority;
  }

  async issue(file: string, subject: Subject): Promise<Certificate> {
    const { serves = [] } = subject;
    const signer = ['-CA', this.ca.cert, '-CAkey', this.ca.key];
    return await this.#make(file, signer, subject, [
      'basicConstraints=critical,CA:FALSE',
      'keyUsage=critical,digitalSignature',
      `extendedKeyUsage=${serves.length > 0 ? 'serverAuth,clientAuth' : 'clientAuth'}`,
      ...(serves.length > 0 ? [`subjectAltName=${serves.join(',')}`] : []),
    ]);
  }

  async #make(file: string, signer: string[], subject: Subject, extensions: string[]): Promise<Certificate> {
    const made = filesOf(join(this.#dir, file));
    const config = join(this.#dir, `${file}.cnf`);
    await writeFile(config, ['[req]', 'distinguished_name=dn', '[dn]', '[extensions]', ...extensions, ''].join('\n'));
    const { name, organization } = subject;
    const distinguished = `${organization === undefined ? '' : `/O=${organization}`}/CN=${name}`;
    const common = ['-config', config, '-extensions', 'extensions', '-subj', distinguished, '-days', days];
    await must(['openssl', 'req', '-x509', ...key, ...common, ...signer, '-keyout', made.key, '-out', made.cert]);
    return made;
  }
}

function filesOf(path: string): Certificate {
  return { cert: `${path}.crt`, key: `${path}.key` };
}

/** The key pair that service account tokens are signed with. */
export async function makeSigningKey(dir: string): Promise<{ readonly key: string; readonly publicKey: string }> {
  const made = { key: join(dir, 'sa.key'), publicKey: join(dir, 'sa.pub') };
  await must(['openssl', 'genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', made.key]);
  await must(['openssl', 'pkey', '-in', made.key, '-pubout', '-out', made.publicKey]);
  return made;
}
