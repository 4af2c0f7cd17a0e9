import fs from 'node:fs';
import { crc32 } from 'node:zlib';
import { SystemError } from '../../src/emissary/errno.ts';
import type { FileStatus, Files, OpenFor } from '../../src/emissary/system.ts';

/** The emissary's view of files, by Node: the logic above it is tested without QuickJS. */
export const nodeFiles: Files = {
  status: (path) => statusOf(() => fs.lstatSync(path), path),
  statusBehind: (path) => statusOf(() => fs.statSync(path), path),
  names: (path) => asked('readdir', path, () => fs.readdirSync(path).sort()),
  linkTarget: (path) => asked('readlink', path, () => fs.readlinkSync(path)),
  open: (path, purpose, mode) => asked('open', path, () => fs.openSync(path, flags[purpose], mode)),
  read: (fd, bytes) => asked('read', `${fd}`, () => fs.readSync(fd, bytes)),
  write: (fd, bytes) => asked('write', `${fd}`, () => fs.writeFileSync(fd, bytes)),
  close: (fd) => fs.closeSync(fd),
  readText: (path, limit) =>
    asked('open', path, () => (fs.existsSync(path) ? fs.readFileSync(path, 'utf8').slice(0, limit) : undefined)),
  writeText: (fd, text) => asked('write', `${fd}`, () => fs.writeFileSync(fd, text)),
  rename: (from, to) => asked('rename', to, () => fs.renameSync(from, to)),
  remove: (path) => asked('remove', path, () => fs.rmSync(path, { force: true })),
  makeDirectory: (path, mode) => asked('mkdir', path, () => void fs.mkdirSync(path, { recursive: true, mode })),
  crc32: (crc, bytes, length) => crc32(bytes.subarray(0, length), crc),
};

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_TRUNC, O_WRONLY } = fs.constants;
const flags: Record<OpenFor, number> = {
  read: O_RDONLY | O_NONBLOCK,
  new: O_WRONLY | O_CREAT | O_EXCL,
  fresh: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW,
  append: O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW,
  existing: O_WRONLY | O_TRUNC,
};

function asked<T>(call: string, subject: string, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    const { errno = 0, message } = error as NodeJS.ErrnoException;
    throw new SystemError(call, subject, -errno, message);
  }
}

function statusOf(ask: () => fs.Stats, path: string): FileStatus | undefined {
  if (!fs.existsSync(path) && fs.lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const stats = asked('stat', path, ask);
  const type = stats.isFile()
    ? 'file'
    : stats.isDirectory()
      ? 'directory'
      : stats.isSymbolicLink()
        ? 'symlink'
        : 'other';
  const { size, uid, gid } = stats;
  return { type, mode: stats.mode & 0o7777, size, uid, gid, mtimeSeconds: Math.floor(stats.mtimeMs / 1000) };
}
