import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a hostile process leads to from a pod's directory; nothing in it may ever change. */
export function makeCanary(directory: string): void {
  mkdirSync(join(directory, 'directory/nested'), { recursive: true });
  writeFileSync(join(directory, 'agent.sock'), 'not yours');
  writeFileSync(join(directory, 'directory/file'), 'not yours');
}

/** Everything of a tree that a change would change: names, kinds, modes, owners, inodes, links, times, contents. */
export function factsOf(directory: string): string[] {
  const names = ['', ...readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()];
  return names.map((name) => {
    const path = join(directory, name);
    const { mode, uid, gid, ino, nlink, size, mtimeMs, ctimeMs } = lstatSync(path);
    const status = lstatSync(path);
    const content = status.isFile() ? readFileSync(path, 'utf8') : status.isSymbolicLink() ? readlinkSync(path) : '';
    return [name, mode.toString(8), uid, gid, ino, nlink, size, mtimeMs, ctimeMs, content].join(' ');
  });
}
