/**
 * Becomes a container's first process. It runs as process 1 of new namespaces, joins the container's cgroups, moves into
 * its own root, takes the user's credentials, says so, waits to be started, and execs the command. The order, and what
 * can be seen of it from outside, is that of runc. Root keeps all capabilities, which a real runtime would cut.
 *
 *     unshare --mount --ipc --uts node init.ts BUNDLE_DIR     (by the first process of a new pid namespace)
 */
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { ContainerMount } from '../volumes.ts';
import type { Bundle } from './protocol.ts';
import { type Credentials, lookUpUser } from './user.ts';

/** The status pipe says `created <pid>`, or `failed <why>`; it closes when the command runs. */
const [, , dir = ''] = process.argv;
const bundle = JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8')) as Bundle & { cgroups: string[] };
const root = join(dir, 'rootfs');
const closeOnExec = 0o2000000;
const status = openSync(join(dir, 'status'), constants.O_WRONLY);

try {
  // Node ignores these, and what is ignored stays so through exec; what is caught does not.
  for (const signal of ['SIGPIPE', 'SIGXFSZ'] as const) process.on(signal, () => {});
  closeInherited();
  process.umask(0o022);
  const started = openSync(join(dir, 'start'), constants.O_RDONLY);
  // This /proc is still that of the node, so the pid is too.
  const pid = readlinkSync('/proc/self');
  for (const cgroup of bundle.cgroups) writeFileSync(join(cgroup, 'cgroup.procs'), '0');
  mountRoot();
  bundle.mounts.forEach(mountVolume);
  const credentials = lookUpUser(root, bundle.user);
  enterRoot();
  become(credentials);
  writeSync(status, `created ${pid}\n`);
  if (readSync(started, Buffer.alloc(1)) === 0) process.exit(1);
  exec(credentials);
} catch (error) {
  writeSync(status, `failed ${(error as Error).message}\n`);
  process.exit(1);
}

/** Descriptors that would outlive the exec: those of whoever started the tests. Our own are closed by it. */
function closeInherited(): void {
  for (const name of readdirSync('/proc/self/fd').filter((fd) => Number(fd) > 2)) {
    if (!existsSync(`/proc/self/fd/${name}`)) continue;
    const info = readFileSync(`/proc/self/fdinfo/${name}`, 'utf8');
    const [, flags = '0'] = /^flags:\s*([0-7]+)$/m.exec(info) ?? [];
    if ((Number.parseInt(flags, 8) & closeOnExec) === 0) closeSync(Number(name));
  }
}

function mountRoot(): void {
  for (const name of ['upper', 'work', 'rootfs']) mkdirSync(join(dir, name), { recursive: true });
  const layers = `lowerdir=${bundle.lower},upperdir=${join(dir, 'upper')},workdir=${join(dir, 'work')}`;
  const overlay = spawnSync('mount', ['-t', 'overlay', 'overlay', '-o', layers, root]);
  // An overlay on an overlay is refused: inside Docker, say. A copy, mounted on itself, is a root as well.
  if (overlay.status !== 0) {
    node('cp', '-a', '--reflink=auto', `${bundle.lower}/.`, root);
    node('mount', '--bind', root, root);
  }
  for (const name of ['proc', 'dev']) mkdirSync(join(root, name), { recursive: true });
  node('mount', '-t', 'proc', '-o', 'nosuid,nodev,noexec', 'proc', join(root, 'proc'));
  node('mount', '-t', 'tmpfs', '-o', 'nosuid,mode=755,size=65536k', 'tmpfs', join(root, 'dev'));
  const devices = ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map((name) => `/dev/${name}`);
  node('cp', '-a', ...devices, join(root, 'dev'));
  const links = { fd: '/proc/self/fd', stdin: 'fd/0', stdout: 'fd/1', stderr: 'fd/2' };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, 'dev', name));
}

function mountVolume({ source, target, readOnly }: ContainerMount): void {
  const place = join(root, target);
  const isFile = source !== undefined && !statSync(source).isDirectory();
  mkdirSync(isFile ? dirname(place) : place, { recursive: true });
  if (isFile) writeFileSync(place, '');
  if (source === undefined) node('mount', '-t', 'tmpfs', '-o', 'nosuid,nodev,mode=1777', 'tmpfs', place);
  else node('mount', '--rbind', source, place);
  if (readOnly) node('mount', '-o', 'remount,bind,ro', place);
}

/** The old root is detached by a static program, as nothing else of it can be reached any more. */
function enterRoot(): void {
  const old = join(root, '.old');
  mkdirSync(old);
  node('pivot_root', root, old);
  process.chdir('/');
  node('/.old/usr/bin/busybox', 'umount', '-l', '/.old');
  rmdirSync('/.old');
  if (bundle.cwd !== '/') mkdirSync(bundle.cwd, { recursive: true });
}

function become({ uid, gid, groups }: Credentials): void {
  for (const stream of [1, 2]) fchownSync(stream, uid, gid);
  process.setgroups?.([...groups]);
  process.setgid?.(gid);
  process.setuid?.(uid);
  process.chdir(bundle.cwd);
}

function exec({ home }: Credentials): void {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const env = { PATH: path, HOME: home, HOSTNAME: bundle.id.slice(0, 12), ...bundle.env };
  const [name = ''] = bundle.argv;
  const candidates = name.includes('/') ? [name] : env.PATH.split(':').map((at) => join(at, name));
  const file = candidates.find(isExecutable);
  if (file === undefined) throw new Error(`no program "${name}" in the container`);
  process.execve?.(file, [...bundle.argv], env);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A program of the node. */
function node(program: string, ...args: string[]): void {
  const { status: code, stderr, error } = spawnSync(program, args);
  if (error !== undefined) throw error;
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
