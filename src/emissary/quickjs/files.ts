import * as native from 'quickjs:native';
import * as os from 'quickjs:os';
import * as std from 'quickjs:std';
import { errno, SystemError } from '../errno.ts';
import type { FileStatus, Files, OpenFor } from '../system.ts';
import { utf8 } from '../utf8.ts';
import { checked } from './checked.ts';

const flags: Record<OpenFor, number> = {
  // A FIFO with no writer must not hold us.
  read: os.O_RDONLY | native.O_NONBLOCK,
  new: os.O_WRONLY | os.O_CREAT | os.O_EXCL | native.O_NOFOLLOW,
  fresh: os.O_WRONLY | os.O_CREAT | os.O_TRUNC | native.O_NOFOLLOW | native.O_NONBLOCK,
  append: os.O_WRONLY | os.O_CREAT | os.O_APPEND | native.O_NOFOLLOW | native.O_NONBLOCK,
  existing: os.O_WRONLY | os.O_TRUNC | native.O_NONBLOCK,
};

const types = new Map<number, FileStatus['type']>([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
]);

function statusOf([stat, number]: [os.Stat | null, number], path: string): FileStatus | undefined {
  if (number === errno.ENOENT || number === errno.ENOTDIR) return undefined;
  if (stat === null) throw new SystemError('stat', path, number, std.strerror(number));
  return {
    type: types.get(stat.mode & 0o170000) ?? 'other',
    mode: stat.mode & 0o7777,
    size: stat.size,
    uid: stat.uid,
    gid: stat.gid,
    mtimeSeconds: Math.floor(stat.mtime / 1000),
  };
}

export const files: Files = {
  status: (path) => statusOf(os.lstat(path), path),
  statusBehind: (path) => statusOf(os.stat(path), path),
  names(path) {
    const [names, number] = os.readdir(path);
    checked(-number, 'readdir', path);
    return names.filter((name) => name !== '.' && name !== '..').sort();
  },
  linkTarget(path) {
    const [target, number] = os.readlink(path);
    checked(-number, 'readlink', path);
    return target;
  },
  open: (path, purpose, mode = 0o644) => checked(os.open(path, flags[purpose], mode), 'open', path),
  read: (fd, bytes) => checked(os.read(fd, bytes.buffer, bytes.byteOffset, bytes.length), 'read', `descriptor ${fd}`),
  write(fd, bytes) {
    for (let at = 0; at < bytes.length; ) {
      at += checked(os.write(fd, bytes.buffer, bytes.byteOffset + at, bytes.length - at), 'write', `descriptor ${fd}`);
    }
  },
  close: (fd) => void os.close(fd),
  readText(path, limit) {
    const fd = os.open(path, flags.read);
    if (fd === -errno.ENOENT) return undefined;
    const file = std.fdopen(checked(fd, 'open', path), 'r');
    if (file === null) throw new SystemError('open', path, errno.ENOMEM, std.strerror(errno.ENOMEM));
    const text = file.readAsString(limit);
    const failed = file.error();
    file.close();
    if (failed) throw new SystemError('read', path, errno.EACCES, 'cannot be read as a file');
    return text;
  },
  writeText: (fd, text) => files.write(fd, utf8(text)),
  rename: (from, to) => void checked(os.rename(from, to), 'rename', to),
  remove(path) {
    const result = os.remove(path);
    if (result !== -errno.ENOENT) checked(result, 'remove', path);
  },
  makeDirectory(path, mode) {
    const result = os.mkdir(path, mode);
    if (result !== -errno.EEXIST) checked(result, 'mkdir', path);
  },
  crc32: (crc, bytes, length) => native.crc32(crc, bytes.buffer, length),
};
