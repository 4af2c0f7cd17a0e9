import { bindSyscall, pathMemory } from './syscalls.ts';

/**
 * System calls on directories and files, relative to a directory descriptor. Names and paths are bytes, without a NUL.
 * Each throws SyscallError. Descriptors are closed with `fs.closeSync`.
 */

const raw = {
  openat2: bindSyscall('openat2', 'number', 'memory', 'memory', 'number'),
  readlinkat: bindSyscall('readlinkat', 'number', 'memory', 'memory', 'number'),
  getdents64: bindSyscall('getdents64', 'number', 'memory', 'number'),
  fstatfs: bindSyscall('fstatfs', 'number', 'memory'),
  mkdirat: bindSyscall('mkdirat', 'number', 'memory', 'number'),
  symlinkat: bindSyscall('symlinkat', 'memory', 'number', 'memory'),
  linkat: bindSyscall('linkat', 'number', 'memory', 'number', 'memory', 'number'),
  renameat2: bindSyscall('renameat2', 'number', 'memory', 'number', 'memory', 'number'),
  unlinkat: bindSyscall('unlinkat', 'number', 'memory', 'number'),
  fchmod: bindSyscall('fchmod', 'number', 'number'),
  fchownat: bindSyscall('fchownat', 'number', 'memory', 'number', 'number', 'number'),
  utimensat: bindSyscall('utimensat', 'number', 'memory', 'memory', 'number'),
};
const path = pathMemory();
const secondPath = pathMemory();
const how = new BigUint64Array(3);

export interface OpenHow {
  /** O_* flags; O_CLOEXEC is always added. */
  readonly flags: number;
  /** Permission bits of a file that the call creates; EINVAL without O_CREAT or O_TMPFILE. */
  readonly mode?: number;
  /** RESOLVE_* flags. */
  readonly resolve: number;
}

/** A new descriptor. EAGAIN: a rename raced with a `..` or IN_ROOT resolution; the caller may try again, boundedly. */
export function openat2(dirfd: number, name: Uint8Array, { flags, mode = 0, resolve }: OpenHow): number {
  how[0] = BigInt(flags) | 0o2000000n;
  how[1] = BigInt(mode);
  how[2] = BigInt(resolve);
  return raw.openat2(dirfd, path('openat2', name), how, 24);
}

/** The f_type of the file's file system; see `fileSystemMagic`. Works on O_PATH descriptors. */
export function fstatfsType(fd: number): number {
  const result = new Uint32Array(32);
  raw.fstatfs(fd, result);
  return result[0] ?? 0;
}

export interface DirectoryEntry {
  readonly name: Buffer;
  /** DT_*. */
  readonly type: number;
  /** Rounded above 2^53; take statx where identity matters. */
  readonly ino: number;
}

/**
 * The next entries of an open directory, as many as fit `buffer` (at least 512 bytes; 32 KiB is good); `[]` at the end.
 * `.` and `..` are left out. The names are copies: the buffer may be used again.
 */
export function getdents64(fd: number, buffer: Buffer): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  // A batch of nothing but `.` and `..` is not the end.
  while (entries.length === 0) {
    const filled = raw.getdents64(fd, buffer, buffer.length);
    if (filled === 0) return entries;
    for (let at = 0; at < filled; ) {
      const start = at + 19;
      const name = Buffer.from(buffer.subarray(start, buffer.indexOf(0, start)));
      const ino = buffer.readUInt32LE(at + 4) * 2 ** 32 + buffer.readUInt32LE(at);
      if (!isDotName(name)) entries.push({ name, type: buffer[at + 18] ?? 0, ino });
      at += buffer.readUInt16LE(at + 16);
    }
  }
  return entries;
}

function isDotName(name: Buffer): boolean {
  return name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
}

/** A symbolic link's target, at most 4,096 bytes. An empty name reads the link that `dirfd` itself is (O_PATH). */
export function readlinkat(dirfd: number, name: Uint8Array): Buffer {
  const target = Buffer.allocUnsafe(4096);
  const length = raw.readlinkat(dirfd, path('readlinkat', name), target, target.length);
  return target.subarray(0, length);
}

export function mkdirat(dirfd: number, name: Uint8Array, mode: number): void {
  raw.mkdirat(dirfd, path('mkdirat', name), mode);
}

export function symlinkat(target: Uint8Array, dirfd: number, name: Uint8Array): void {
  raw.symlinkat(path('symlinkat', target), dirfd, secondPath('symlinkat', name));
}

export function linkat(fromDirfd: number, from: Uint8Array, toDirfd: number, to: Uint8Array, flags: number): void {
  raw.linkat(fromDirfd, path('linkat', from), toDirfd, secondPath('linkat', to), flags);
}

/** `flags`: RENAME_NOREPLACE answers EEXIST where the new name is taken. */
export function renameat2(fromDirfd: number, from: Uint8Array, toDirfd: number, to: Uint8Array, flags: number): void {
  raw.renameat2(fromDirfd, path('renameat2', from), toDirfd, secondPath('renameat2', to), flags);
}

/** Removes a name; a directory's with AT_REMOVEDIR. */
export function unlinkat(dirfd: number, name: Uint8Array, flags = 0): void {
  raw.unlinkat(dirfd, path('unlinkat', name), flags);
}

export function fchmod(fd: number, mode: number): void {
  raw.fchmod(fd, mode);
}

/** `flags`: AT_SYMLINK_NOFOLLOW for a link itself, AT_EMPTY_PATH with an empty name for `dirfd` itself. */
export function fchownat(dirfd: number, name: Uint8Array, uid: number, gid: number, flags: number): void {
  raw.fchownat(dirfd, path('fchownat', name), uid, gid, flags);
}

export interface FileTime {
  readonly seconds: number;
  /** 0 to 999,999,999, or UTIME_OMIT. */
  readonly nanos: number;
}

/** `name` null: the file that `dirfd` itself is (not with O_PATH). */
export function utimensat(
  dirfd: number,
  name: Uint8Array | null,
  accessed: FileTime,
  modified: FileTime,
  flags: number,
): void {
  const times = new BigUint64Array([
    BigInt.asUintN(64, BigInt(accessed.seconds)),
    BigInt(accessed.nanos),
    BigInt.asUintN(64, BigInt(modified.seconds)),
    BigInt(modified.nanos),
  ]);
  raw.utimensat(dirfd, name === null ? null : path('utimensat', name), times, flags);
}
