import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { PodhandError } from '../../wire/errors.ts';
import type { Session } from '../cli/session.ts';
import { AtomicFile } from '../files/atomic-file.ts';
import { installBinary } from '../init/install-binary.ts';
import { fromLocal } from '../local-failure.ts';
import { facts } from '../output/table.ts';

export interface InitOptions {
  readonly dir: string;
  readonly name: string;
  readonly binary?: string;
  readonly template?: string;
  /** Milliseconds. */
  readonly collectWithin?: number;
}

/** `podhand init`: makes the pod's shared volume ready for the emissary. Needs no agent. */
export async function init(session: Session, options: InitOptions): Promise<number> {
  const { dir, name } = options;
  if (name.includes('/')) throw new PodhandError('INVALID_REQUEST', `the name "${name}" is a path`);
  const started = performance.now();
  try {
    const installed = installBinary(options.binary ?? ownBinary(), join(dir, name));
    const milliseconds = Math.round((performance.now() - started) * 10) / 10;
    const template = options.template === undefined ? undefined : await writeTemplate(dir, options.template);
    if (options.collectWithin !== undefined) writeShared(join(dir, 'agent'), `${options.collectWithin}`);
    const answer = { ...installed, milliseconds, ...(template !== undefined && { template }) };
    await session.print(answer, () =>
      facts([
        ['Installed', installed.written ? installed.path : `${installed.path} (was there)`],
        ['SHA-256', installed.sha256],
        ['Took', `${milliseconds} ms`],
        ['Template', template ?? ''],
      ]),
    );
  } catch (error) {
    throw fromLocal(error);
  }
  return 0;
}

/** What `npm run build:emissary` has made for this machine. */
function ownBinary(): string {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  return fileURLToPath(new URL(`../../../dist/emissary/podhand-emissary-${architecture}`, import.meta.url));
}

/** Read-only for everybody: it says to all containers of the pod what is to be done. */
async function writeTemplate(dir: string, source: string): Promise<string> {
  const content = source === '-' ? await text(process.stdin) : readFileSync(source, 'utf8');
  try {
    JSON.parse(content);
  } catch (error) {
    throw new PodhandError('INVALID_REQUEST', `the template is no JSON`, { cause: error });
  }
  const path = join(dir, 'template');
  writeShared(path, content);
  return path;
}

function writeShared(path: string, content: string): void {
  using file = new AtomicFile(Buffer.from(path), 0o444);
  file.write(Buffer.from(content));
  file.setMode(0o444);
  file.commit({ durable: false });
}
