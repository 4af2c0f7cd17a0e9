import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { extractTar } from '../tar/extract.ts';
import { temporaryName } from './atomic-file.ts';
import { directoryName, joined } from './paths.ts';

/**
 * Extracts an archive of one top entry to `target`: the file or directory appears whole or not at all, and replaces
 * what is there only when it is complete. Whether that may be replaced is for the caller to have checked.
 */
export async function extractTo(target: Buffer, archive: AsyncIterable<Uint8Array>): Promise<void> {
  const staging = joined(directoryName(target), temporaryName());
  mkdirSync(staging, 0o700);
  try {
    const content = joined(staging, Buffer.from('new'));
    mkdirSync(content, 0o777);
    await extractTar(archive, content);
    // One top entry is the artifact itself; an archive of `/` has its entries at the top.
    const names = readdirSync(content, { encoding: 'buffer' });
    const [only] = names;
    const whole = names.length === 1 && only !== undefined ? joined(content, only) : content;
    if (lstatSync(target, { throwIfNoEntry: false })?.isDirectory() === true || lstatSync(whole).isDirectory()) {
      moveAside(target, joined(staging, Buffer.from('old')));
    }
    renameSync(whole, target);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function moveAside(target: Buffer, place: Buffer): void {
  if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) renameSync(target, place);
}
