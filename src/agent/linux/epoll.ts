import { bindSyscall } from './syscalls.ts';

const raw = {
  create: bindSyscall('epoll_create1', 'number'),
  ctl: bindSyscall('epoll_ctl', 'number', 'number', 'number', 'memory'),
  wait: bindSyscall('epoll_pwait', 'number', 'memory', 'number', 'number', 'memory', 'number'),
  eventfd: bindSyscall('eventfd2', 'number', 'number'),
};
const CLOEXEC = 0o2000000;
const NONBLOCK = 0o4000;
const ADD = 1;
const DELETE = 2;
/** struct epoll_event, in 32-bit words: packed on x86-64 alone. */
const layout = process.arch === 'x64' ? { words: 3, token: 1 } : { words: 4, token: 2 };

export interface EpollEvent {
  readonly token: number;
  /** EPOLL* */
  readonly events: number;
}

export function epollCreate(): number {
  return raw.create(CLOEXEC);
}

/** Watches `fd`; `token` (below 2^53) comes back with its events. EEXIST: it is watched already. */
export function epollAdd(epfd: number, fd: number, events: number, token: number): void {
  const event = new Uint32Array(layout.words);
  event[0] = events;
  event[layout.token] = token % 2 ** 32;
  event[layout.token + 1] = Math.floor(token / 2 ** 32);
  raw.ctl(epfd, ADD, fd, event);
}

/** ENOENT: it is not watched. */
export function epollDelete(epfd: number, fd: number): void {
  raw.ctl(epfd, DELETE, fd, null);
}

/** Blocks the thread until something happens or `timeoutMs` (-1: for ever) have passed, then `[]`. */
export function epollWait(epfd: number, maxEvents: number, timeoutMs: number): EpollEvent[] {
  const memory = new Uint32Array(maxEvents * layout.words);
  const count = raw.wait(epfd, memory, maxEvents, timeoutMs, null, 0);
  return Array.from({ length: count }, (_, index) => {
    const at = index * layout.words;
    const token = at + layout.token;
    return { events: memory[at] ?? 0, token: (memory[token + 1] ?? 0) * 2 ** 32 + (memory[token] ?? 0) };
  });
}

/** A non-blocking counter descriptor: eight bytes written to it add up and make it readable. */
export function eventfd(): number {
  return raw.eventfd(0, CLOEXEC | NONBLOCK);
}
