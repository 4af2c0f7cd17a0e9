import { closeSync, ftruncateSync, futimesSync, writeSync } from 'node:fs';
import { ConfinedTree } from './confined-tree.ts';
import { type Entry, tarEntries } from './entries.ts';
import { entryPath } from './entry-path.ts';

/**
 * Extracts a tar archive below `directory`, which should be new and empty. Files, directories, symlinks and hard links;
 * owners and set-id bits are left out; holes stay holes. Nothing is made outside of the directory, whatever the archive
 * says, and nothing is replaced. Errors: INVALID_PATH for an archive that tries; INTERNAL for a broken one; what was
 * extracted before stays for the caller to remove.
 */
export async function extractTar(source: AsyncIterable<Uint8Array>, directory: string | Buffer): Promise<void> {
  using tree = new ConfinedTree(directory);
  for await (const entry of tarEntries(source)) await extractEntry(tree, entry);
}

async function extractEntry(tree: ConfinedTree, entry: Entry): Promise<void> {
  const path = entryPath(entry.name);
  if (entry.type === 'directory') tree.makeDirectory(path, entry.mode, entry.modifiedAt);
  else if (entry.type === 'symlink') tree.makeSymlink(path, entry.target);
  else if (entry.type === 'hardlink') tree.makeHardLink(path, entryPath(entry.target));
  else await extractFile(tree, path, entry);
}

async function extractFile(tree: ConfinedTree, path: readonly Buffer[], entry: Entry): Promise<void> {
  const file = tree.createFile(path, entry.mode);
  try {
    for await (const { offset, bytes } of entry.content()) writeWhole(file, bytes, offset);
    // A hole at the end is not written by anything.
    ftruncateSync(file, entry.size);
    futimesSync(file, entry.modifiedAt, entry.modifiedAt);
  } finally {
    closeSync(file);
  }
}

function writeWhole(file: number, bytes: Uint8Array, offset: number): void {
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(file, bytes, written, bytes.length - written, offset + written);
  }
}
