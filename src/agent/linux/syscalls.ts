import { constants } from 'node:os';
import koffi from 'koffi';

/** A system call's number on x86-64 and on arm64; epoll_pwait and ppoll stand for the calls that arm64 never had. */
const numbers = {
  accept4: [288, 242],
  bind: [49, 200],
  capget: [125, 90],
  capset: [126, 91],
  connect: [42, 203],
  copy_file_range: [326, 285],
  epoll_create1: [291, 20],
  epoll_ctl: [233, 21],
  epoll_pwait: [281, 22],
  eventfd2: [290, 19],
  fallocate: [285, 47],
  fchmod: [91, 52],
  fchownat: [260, 54],
  fcntl: [72, 25],
  fstatfs: [138, 44],
  getdents64: [217, 61],
  getgroups: [115, 158],
  getsockopt: [55, 209],
  inotify_add_watch: [254, 27],
  inotify_init1: [294, 26],
  inotify_rm_watch: [255, 28],
  ioctl: [16, 29],
  linkat: [265, 37],
  listen: [50, 201],
  lseek: [8, 62],
  mkdirat: [258, 34],
  openat2: [437, 437],
  pidfd_open: [434, 434],
  pidfd_send_signal: [424, 424],
  ppoll: [271, 73],
  readlinkat: [267, 78],
  renameat2: [316, 276],
  sendfile: [40, 71],
  setfsgid: [123, 152],
  setfsuid: [122, 151],
  setgroups: [116, 159],
  socket: [41, 198],
  statx: [332, 291],
  symlinkat: [266, 36],
  unlinkat: [263, 35],
  utimensat: [280, 88],
} as const;

export type SyscallName = keyof typeof numbers;

/** A system call that the kernel refused. `code` is the errno's name (`ENOENT`), or `ERRNO_<n>` where it has none. */
export class SyscallError extends Error {
  readonly code: string;
  /** Positive. */
  readonly errno: number;
  readonly syscall: SyscallName;

  constructor(syscall: SyscallName, errno: number) {
    const code = errnoNames.get(errno) ?? `ERRNO_${errno}`;
    super(`${syscall}: ${code}`);
    this.name = 'SyscallError';
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

/** Whether `error` is a system call's, or node:fs's, refusal with one of these errno names. */
export function hasErrno(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
}

/** Memory that the kernel reads or writes during the call; null is a null pointer. */
export type Memory = Uint8Array | Uint32Array | BigUint64Array | null;
type Argument = 'number' | 'memory';
type Values<A extends readonly Argument[]> = { [I in keyof A]: A[I] extends 'memory' ? Memory : number };

/**
 * One system call as a function: numbers and memory in, its result out. Repeated on EINTR; throws SyscallError.
 * Blocks the calling thread. Usable in the main thread and in workers; credentials and such that the kernel keeps per
 * thread change for the calling thread alone, since this is not glibc's wrapper.
 */
export function bindSyscall<const A extends readonly Argument[]>(
  name: SyscallName,
  ...shape: A
): (...values: Values<A>) => number {
  const types = shape.map((kind) => (kind === 'memory' ? 'void *' : 'long'));
  const call = libc.func('syscall', 'long', ['long', ...types]);
  const number = numbers[name][column];
  return (...values) => {
    for (;;) {
      const result = Number(call(number, ...values));
      if (result !== -1) return result;
      const errno = koffi.errno();
      if (errno !== constants.errno.EINTR) throw new SyscallError(name, errno);
    }
  };
}

/** Thrown as the kernel would, for what the kernel must not even be asked. */
export function refuse(syscall: SyscallName, code: 'EINVAL' | 'ENAMETOOLONG' | 'EBADF'): never {
  throw new SyscallError(syscall, constants.errno[code]);
}

const PATH_MAX = 4096;

/**
 * A function that lays a path into memory of its own as a C string, to be used at once: the next call overwrites it.
 * A NUL inside is EINVAL, since the kernel would see a shorter path than was checked; over 4,095 bytes is ENAMETOOLONG.
 */
export function pathMemory(): (syscall: SyscallName, path: Uint8Array) => Uint8Array {
  const memory = new Uint8Array(PATH_MAX);
  return (syscall, path) => {
    if (path.length >= PATH_MAX) refuse(syscall, 'ENAMETOOLONG');
    if (path.includes(0)) refuse(syscall, 'EINVAL');
    memory.set(path);
    memory[path.length] = 0;
    return memory;
  };
}

const errnoNames = new Map<number, string>([
  ...Object.entries(constants.errno).map(([name, value]): [number, string] => [value, name]),
  // Two names, one number: the one that Node's own errors carry.
  [constants.errno.EAGAIN, 'EAGAIN'],
  [constants.errno.EOPNOTSUPP, 'EOPNOTSUPP'],
]);

const column = architectureColumn();
const libc = koffi.load(null);

function architectureColumn(): 0 | 1 {
  if (process.platform === 'linux' && process.arch === 'x64') return 0;
  if (process.platform === 'linux' && process.arch === 'arm64') return 1;
  throw new Error(`podhand's agent runs on Linux x64 and arm64 only, not on ${process.platform} ${process.arch}`);
}
