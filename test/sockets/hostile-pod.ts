import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, constants, openSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileSystemMagic } from '../../src/agent/linux/constants.ts';
import { bindSyscall } from '../../src/agent/linux/syscalls.ts';

const ioctl = bindSyscall('ioctl', 'number', 'number', 'memory');
const FS_IOC_GETFLAGS = 0x80086601;
const FS_IOC_SETFLAGS = 0x40086602;
const FS_IMMUTABLE_FL = 0x10;
/** For so long one of the pod's own servers has the place, and a mount covers the directory. Milliseconds. */
const brief = 100;
const limits = { small: 'size=64k,nr_inodes=4', large: 'size=8m,nr_inodes=1000' };

/** Throws where the file system or the kernel refuses. */
export function setImmutable(directory: string, on: boolean): void {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const flags = new Uint32Array(2);
    ioctl(fd, FS_IOC_GETFLAGS, flags);
    flags[0] = on ? (flags[0] ?? 0) | FS_IMMUTABLE_FL : (flags[0] ?? 0) & ~FS_IMMUTABLE_FL;
    ioctl(fd, FS_IOC_SETFLAGS, flags);
  } finally {
    closeSync(fd);
  }
}

/** What a root process of a pod with capabilities can do in its emptyDir beside what any process can, by name. */
export function podAttack(
  directory: string,
  outside: string,
  place: string,
  medium: string,
): Record<string, () => void> {
  let mounts = 0;
  const mountFor = (at: string, ...args: string[]) => {
    if (mounts > 0) throw new Error('most of the time the directory itself is attacked');
    must('mount', ...args, at);
    mounts++;
    // Lazily: a socket that is bound in it would hold it.
    setTimeout(() => spawnSync('umount', ['-l', at]), brief);
    setTimeout(() => mounts--, 10 * brief);
  };
  return {
    fifo: () => must('mkfifo', place),
    device: () => must('mknod', place, 'c', '1', '3'),
    immutable: () => setImmutable(directory, true),
    mutable: () => setImmutable(directory, false),
    listen: () => {
      const server = createServer((socket) => socket.destroy());
      server.on('error', () => {});
      server.listen(place, () => setTimeout(() => server.close(), brief));
    },
    fill: () => {
      for (let count = 0; count < 20; count++) writeFileSync(join(directory, `filled-${count}`), Buffer.alloc(65_536));
    },
    empty: () => {
      for (const name of readdirSync(directory).filter(isFilling)) rmSync(join(directory, name));
    },
    mountOver: () => mountFor(directory, '-t', 'tmpfs', 'tmpfs'),
    bindOver: () => mountFor(directory, '--bind', join(outside, 'directory')),
    bindPlace: () => mountFor(place, '--bind', join(outside, 'agent.sock')),
    ...(medium === 'memory' && {
      small: () => remount(directory, limits.small),
      large: () => remount(directory, limits.large),
      readOnly: () => remount(directory, 'ro'),
      writable: () => remount(directory, 'rw'),
    }),
  };
}

/** Leaves the directory as a pod has it that does not attack. */
export async function tidy(directory: string, medium: string): Promise<void> {
  // Until the last mount is gone.
  await sleep(2 * brief);
  if (medium === 'memory') remount(directory, `rw,${limits.large}`);
  setImmutable(directory, false);
  chmodSync(directory, 0o777);
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true });
}

function isFilling(name: string): boolean {
  return name.startsWith('filled-');
}

/** The pod's file system in memory is its own. Any other one, bound there for a moment, is the node's. */
function remount(directory: string, options: string): void {
  if (statfsSync(directory).type !== fileSystemMagic.tmpfs) throw new Error('no volume in memory now');
  must('mount', '-o', `remount,${options}`, directory);
}

/** Throws where it does not end with 0. */
function must(...command: string[]): void {
  const [program = '', ...args] = command;
  const { status, stderr } = spawnSync(program, args);
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
}
