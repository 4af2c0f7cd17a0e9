import { errno, SystemError } from '../errno.ts';
import type { Files } from '../system.ts';
import { copyContent } from './copy-content.ts';
import { writeWholeFile } from './whole-file.ts';

/** Copies the file at `path` to `outputs/parameters/<path>`; nothing where there is none. Links are followed. */
export function saveParameter(files: Files, path: string, volume: string): void {
  const status = files.statusBehind(path);
  if (status === undefined) return;
  if (status.type !== 'file') throw new SystemError('read', path, errno.EACCES, 'is no regular file');
  writeWholeFile(files, volume, `outputs/parameters${path}`, (fd) =>
    copyContent(files, path, (bytes) => files.write(fd, bytes)),
  );
}
