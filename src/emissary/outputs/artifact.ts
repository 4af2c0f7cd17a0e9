import { blockBytes, padding } from '../../agent/files/tar/entry.ts';
import { SystemError } from '../errno.ts';
import type { FileStatus, Files } from '../system.ts';
import { copyContent } from './copy-content.ts';
import { StoredGzip } from './gzip.ts';
import { tarHeader } from './tar-header.ts';
import { writeWholeFile } from './whole-file.ts';

/** Of directories; deeper ones would need more stack than the interpreter has. */
const deepest = 512;

/**
 * Packs the file or tree at `path` into `outputs/artifacts/<path>.tgz`; its top entry is the last name of the path.
 * Nothing where there is nothing. Links inside are kept as links; FIFOs, sockets and devices are left out.
 */
export function saveArtifact(files: Files, path: string, volume: string): void {
  const status = files.statusBehind(path);
  if (status === undefined) return;
  writeWholeFile(files, volume, `outputs/artifacts${path}.tgz`, (fd) => {
    const gzip = new StoredGzip(files, fd);
    const top = path.slice(path.lastIndexOf('/') + 1);
    addEntry(files, gzip, path, top === '' ? '.' : top, status, 0);
    gzip.write(new Uint8Array(2 * blockBytes));
    gzip.end();
  });
}

function addEntry(files: Files, gzip: StoredGzip, path: string, name: string, status: FileStatus, depth: number): void {
  if (depth > deepest) throw new SystemError('read', path, 0, `is nested deeper than ${deepest}`);
  if (status.type === 'other') return;
  const target = status.type === 'symlink' ? files.linkTarget(path) : undefined;
  gzip.write(tarHeader({ type: status.type, path: name, status, ...(target !== undefined && { target }) }));
  if (status.type === 'file') addContent(files, gzip, path, status.size);
  if (status.type !== 'directory') return;
  for (const child of files.names(path)) {
    const below = `${path}/${child}`;
    const childStatus = files.status(below);
    // QuickJS reads names as UTF-8; one that is not cannot be opened again.
    if (childStatus === undefined && child.includes('\ufffd')) {
      throw new SystemError('read', below, 0, 'its name is not UTF-8');
    }
    // A process that still runs may have removed it.
    if (childStatus !== undefined) addEntry(files, gzip, below, `${name}/${child}`, childStatus, depth + 1);
  }
}

/** Exactly as much as the header says; a file that became shorter meanwhile is an error. */
function addContent(files: Files, gzip: StoredGzip, path: string, size: number): void {
  const copied = copyContent(files, path, (bytes) => gzip.write(bytes), size);
  if (copied < size) throw new SystemError('read', path, 0, 'became shorter while it was read');
  gzip.write(new Uint8Array(padding(size)));
}
