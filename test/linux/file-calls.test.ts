import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  DT_DIR,
  DT_REG,
  fileSystemMagic,
  O_CREAT,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  RENAME_NOREPLACE,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from '../../src/agent/linux/constants.ts';
import { copyFileRange, fallocate, ficlone, seekData, seekHole, sendfile } from '../../src/agent/linux/copy-calls.ts';
import {
  fchmod,
  fchownat,
  fstatfsType,
  getdents64,
  linkat,
  mkdirat,
  openat2,
  readlinkat,
  renameat2,
  symlinkat,
  unlinkat,
  utimensat,
} from '../../src/agent/linux/file-calls.ts';
import { statx } from '../../src/agent/linux/statx.ts';
import { SyscallError } from '../../src/agent/linux/syscalls.ts';
import { attackOn } from '../attacks/attack.ts';

const attack = attackOn('shared');

const bytes = (text: string): Buffer => Buffer.from(text);

describe('system calls on files', () => {
  let folder: string;
  let dirfd: number;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'podhand-files-'));
    dirfd = openSync(folder, constants.O_DIRECTORY);
  });
  afterEach(() => {
    closeSync(dirfd);
    rmSync(folder, { recursive: true });
  });

  function refusal(action: () => unknown): string {
    try {
      action();
    } catch (error) {
      expect(error).toBeInstanceOf(SyscallError);
      return error instanceof SyscallError ? error.code : '';
    }
    return 'nothing was refused';
  }

  attack(6, 'openat2 stays inside the root', () => {
    mkdirSync(join(folder, 'etc'));
    writeFileSync(join(folder, 'etc/passwd'), 'the container');
    symlinkSync('/etc/passwd', join(folder, 'absolute'));
    symlinkSync('../../../../etc/passwd', join(folder, 'relative'));
    symlinkSync('/proc/self/root/etc/passwd', join(folder, 'magic'));
    symlinkSync('loop', join(folder, 'loop'));
    const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    for (const path of ['absolute', 'relative', '/etc/passwd', '../../etc/passwd']) {
      const fd = openat2(dirfd, bytes(path), { flags: O_RDONLY, resolve });
      expect(readFileSync(fd, 'utf8')).toBe('the container');
      closeSync(fd);
    }
    const open = (path: string, how = resolve) =>
      refusal(() => openat2(dirfd, bytes(path), { flags: O_RDONLY, resolve: how }));
    expect(open('magic')).toBe('ENOENT');
    expect(open('loop')).toBe('ELOOP');
    expect(open('absolute', RESOLVE_NO_SYMLINKS)).toBe('ELOOP');
    expect(open('absolute', RESOLVE_BENEATH)).toBe('EXDEV');
    expect(
      refusal(() =>
        openat2(AT_FDCWD, bytes('/proc/self/root/etc'), { flags: O_RDONLY, resolve: RESOLVE_NO_MAGICLINKS }),
      ),
    ).toBe('ELOOP');
  });

  attack(26, 'refuses what would be cut short: NUL and too long', () => {
    expect(refusal(() => openat2(dirfd, bytes('a\0b'), { flags: O_RDONLY, resolve: 0 }))).toBe('EINVAL');
    expect(refusal(() => openat2(dirfd, Buffer.alloc(4096, 'a'), { flags: O_RDONLY, resolve: 0 }))).toBe(
      'ENAMETOOLONG',
    );
    expect(refusal(() => openat2(dirfd, Buffer.alloc(256, 'a'), { flags: O_RDONLY, resolve: 0 }))).toBe('ENAMETOOLONG');
    expect(refusal(() => openat2(dirfd, bytes('absent'), { flags: O_RDONLY, resolve: 0 }))).toBe('ENOENT');
    expect(refusal(() => openat2(99_999, bytes('x'), { flags: O_RDONLY, resolve: 0 }))).toBe('EBADF');
  });

  test('statx agrees with node', () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'x'.repeat(5000), { mode: 0o640 });
    fchownat(dirfd, bytes('file'), 1000, 1001, 0);
    utimensat(dirfd, bytes('file'), { seconds: 1, nanos: 2 }, { seconds: -5, nanos: 999_999_999 }, 0);
    const node = statSync(file, { bigint: true });
    const status = statx(dirfd, bytes('file'));
    expect(status).toMatchObject({
      ino: Number(node.ino),
      mode: Number(node.mode),
      uid: 1000,
      gid: 1001,
      nlink: 1,
      size: 5000,
      blocks: Number(node.blocks),
      mtimeSeconds: -5,
      mtimeNanos: 999_999_999,
      mountRoot: false,
    });
    const fd = openat2(dirfd, bytes('file'), { flags: O_PATH, resolve: 0 });
    expect(statx(fd)).toEqual(status);
    const mountId = /^mnt_id:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    expect(status.mountId).toBe(Number(mountId));
    closeSync(fd);
    expect(statx(AT_FDCWD, bytes('/proc')).mountRoot).toBe(true);
    expect(statx(AT_FDCWD, bytes('/dev/null'))).toMatchObject({ rdevMajor: 1, rdevMinor: 3 });
    expect(statx(AT_FDCWD, bytes('/proc')).dev).toMatch(/^0:\d+$/);
  });

  test('directories are read in batches, names as bytes', () => {
    const names = Array.from({ length: 300 }, (_, index) =>
      Buffer.concat([bytes(`${index}\n`), Buffer.from([0xff, 0xfe])]),
    );
    for (const name of names) closeSync(openat2(dirfd, name, { flags: O_CREAT | O_WRONLY, mode: 0o600, resolve: 0 }));
    mkdirat(dirfd, bytes('sub'), 0o700);
    const seen = [];
    const buffer = Buffer.alloc(1024);
    for (let batch = getdents64(dirfd, buffer); batch.length > 0; batch = getdents64(dirfd, buffer))
      seen.push(...batch);
    const hex = (list: Buffer[]) => list.map((name) => name.toString('hex')).sort();
    expect(hex(seen.map((entry) => entry.name))).toEqual(hex([...names, bytes('sub')]));
    expect(seen.filter((entry) => entry.type === DT_DIR)).toHaveLength(1);
    expect(seen.filter((entry) => entry.type === DT_REG)).toHaveLength(300);
    expect(getdents64(dirfd, buffer)).toEqual([]);
    const empty = openat2(dirfd, bytes('sub'), { flags: constants.O_DIRECTORY, resolve: 0 });
    expect(getdents64(empty, Buffer.alloc(24))).toEqual([]);
    closeSync(empty);
  });

  test('makes, links, renames and removes', () => {
    closeSync(openat2(dirfd, bytes('a'), { flags: O_CREAT | O_WRONLY, mode: 0o600, resolve: 0 }));
    linkat(dirfd, bytes('a'), dirfd, bytes('b'), 0);
    expect(statx(dirfd, bytes('b')).nlink).toBe(2);
    symlinkat(Buffer.from([0x2f, 0xff]), dirfd, bytes('link'));
    expect([...readlinkat(dirfd, bytes('link'))]).toEqual([0x2f, 0xff]);
    expect(refusal(() => renameat2(dirfd, bytes('link'), dirfd, bytes('b'), RENAME_NOREPLACE))).toBe('EEXIST');
    renameat2(dirfd, bytes('link'), dirfd, bytes('moved'), RENAME_NOREPLACE);
    mkdirat(dirfd, bytes('d'), 0o755);
    expect(refusal(() => unlinkat(dirfd, bytes('d')))).toBe('EISDIR');
    unlinkat(dirfd, bytes('d'), AT_REMOVEDIR);
    unlinkat(dirfd, bytes('moved'));
    unlinkat(dirfd, bytes('b'));
    const fd = openat2(dirfd, bytes('a'), { flags: O_WRONLY, resolve: 0 });
    fchmod(fd, 0o4711);
    expect(statx(fd).mode & 0o7777).toBe(0o4711);
    closeSync(fd);
  });

  test('copies inside the kernel and sees holes', () => {
    const at = (name: string, flags: number) =>
      openat2(dirfd, bytes(name), { flags, mode: flags & O_CREAT ? 0o600 : 0, resolve: 0 });
    writeFileSync(join(folder, 'source'), 'hello world');
    const source = at('source', O_RDONLY);
    const target = at('target', O_CREAT | constants.O_RDWR);
    expect(copyFileRange(source, 6, target, 0, 100)).toBe(5);
    expect(copyFileRange(source, 11, target, 5, 100)).toBe(0);
    expect(readFileSync(join(folder, 'target'), 'utf8')).toBe('world');
    expect(sendfile(target, source, 0, 5)).toBe(5);
    expect(readFileSync(join(folder, 'target'), 'utf8')).toBe('hello');
    const cloned = refusal(() => ficlone(target, source));
    expect(['EOPNOTSUPP', 'nothing was refused']).toContain(cloned);

    const sparse = at('sparse', O_CREAT | constants.O_RDWR);
    execFileSync('truncate', ['-s', '1T', join(folder, 'sparse')]);
    expect(statx(sparse).size).toBe(2 ** 40);
    expect(seekData(sparse, 0)).toBe(-1);
    fallocate(sparse, 0, 2 ** 33, 4096);
    closeSync(sparse);
    writeFileSync(join(folder, 'data'), 'x', { flag: 'w' });
    const data = at('data', O_RDONLY);
    expect(seekData(data, 0)).toBe(0);
    expect(seekHole(data, 0)).toBe(1);
    for (const fd of [source, target, data]) closeSync(fd);
  });

  test('tells file systems apart', () => {
    const proc = openSync('/proc', constants.O_DIRECTORY | O_PATH);
    expect(fstatfsType(proc)).toBe(fileSystemMagic.proc);
    closeSync(proc);
  });

  test('works in a worker thread', async () => {
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData).then(({ statx }) => parentPort.postMessage(statx(-100, Buffer.from('/dev/null')).rdevMajor));`;
    const worker = new Worker(code, {
      eval: true,
      workerData: new URL('../../src/agent/linux/statx.ts', import.meta.url).href,
    });
    const answer = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    expect(answer).toBe(1);
    await worker.terminate();
  });
});
