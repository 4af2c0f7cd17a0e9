import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a hostile process leads to from a pod's directory; nothing in it may ever change. */
export function makeCanary(directory: string): void {
  mkdirSync(join(directory, 'directory/nested'), { recursive: true });
  writeFileSync(join(directory, 'agent.sock'), 'not yours');
  writeFileSync(join(directory, 'directory/file'), 'not yours');
}

/** Everything of a tree that a change would change, but for what is at `except`. See `factOf`. */
export function factsOf(directory: string, except: readonly string[] = []): string[] {
  const names = ['', ...readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()];
  return names.filter((name) => !except.includes(name)).map((name) => `${name} ${factOf(join(directory, name))}`);
}

/** Kind, mode, owner, inode, links, size, times and contents. */
export function factOf(path: string): string {
  const status = lstatSync(path);
  const { mode, uid, gid, ino, nlink, size, mtimeMs, ctimeMs } = status;
  const content = status.isFile() ? readFileSync(path, 'utf8') : status.isSymbolicLink() ? readlinkSync(path) : '';
  return [mode.toString(8), uid, gid, ino, nlink, size, mtimeMs, ctimeMs, content].join(' ');
}
