import { bindSyscall, refuse, type SyscallName } from './syscalls.ts';

/**
 * Unix stream sockets by system call: what node:net makes from a path it also unlinks by that path when it closes, and a
 * path through a descriptor may lead elsewhere by then.
 */

const raw = {
  socket: bindSyscall('socket', 'number', 'number', 'number'),
  bind: bindSyscall('bind', 'number', 'memory', 'number'),
  listen: bindSyscall('listen', 'number', 'number'),
  accept4: bindSyscall('accept4', 'number', 'memory', 'memory', 'number'),
  connect: bindSyscall('connect', 'number', 'memory', 'number'),
  fcntl: bindSyscall('fcntl', 'number', 'number', 'number'),
};
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const F_DUPFD_CLOEXEC = 1030;
const maxPathBytes = 107;

/** A new descriptor, non-blocking and close-on-exec. */
export function unixStreamSocket(): number {
  return raw.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/** Another descriptor of the same socket, close-on-exec. */
export function duplicate(fd: number): number {
  return raw.fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/**
 * Makes the socket's name in the file system; a last component that is there, a link too, is EADDRINUSE. Its mode is
 * 0777 without the umask. ENAMETOOLONG over 107 bytes: go through /proc/self/fd.
 */
export function bindPath(fd: number, path: string): void {
  const address = addressOf('bind', path);
  raw.bind(fd, address, address.length);
}

export function listen(fd: number, backlog: number): void {
  raw.listen(fd, backlog);
}

/** A new descriptor of the oldest connection that waits, non-blocking and close-on-exec. EAGAIN: none does. */
export function accept(fd: number): number {
  return raw.accept4(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/**
 * Links are followed. Never waits. ECONNREFUSED: nobody listens, or it is no socket. EAGAIN: somebody does, and the
 * backlog is full.
 */
export function connectPath(fd: number, path: string): void {
  const address = addressOf('connect', path);
  raw.connect(fd, address, address.length);
}

/** struct sockaddr_un; both architectures are little-endian. */
function addressOf(syscall: SyscallName, path: string): Uint8Array {
  const bytes = Buffer.from(path);
  if (bytes.length > maxPathBytes) refuse(syscall, 'ENAMETOOLONG');
  if (bytes.length === 0 || bytes.includes(0)) refuse(syscall, 'EINVAL');
  return Buffer.concat([Buffer.from([AF_UNIX, 0]), bytes, Buffer.from([0])]);
}
