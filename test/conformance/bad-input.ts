import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestPod } from '../node/pods.ts';
import { failure } from '../rpc/agent-under-test.ts';
import { UnixSocketFile } from '../security/unix-socket-file.ts';
import { collect, eventually, of, readFile, type Subject, waitFor } from './subject.ts';

/** The number of the disk that the node's root is on: what a container would ask for that wants to read it. */
const { dev } = statSync('/');
const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)];

const made = `
set -e
mkdir -p /work/tree /work/deep && cd /work
printf 'hello\\n' > plain
ln -s /work/plain absolute; ln -s ../../../../work/plain climbing
ln -s loop loop; ln -s ring-b ring-a; ln -s ring-a ring-b; ln -s /nowhere dangling
last=plain; for i in $(seq 1 41); do ln -s $last chain-$i; last=chain-$i; done
ln -s /proc/self/root/etc/passwd self-root; ln -s /proc/self/cwd self-cwd; ln -s /proc/self/fd/0 self-fd
mkfifo fifo; mknod device c 1 5; mknod disk b ${major} ${minor}
truncate -s 1099511627776 sparse
n="$(printf 'new\\nline')"; printf n > "$n"; printf u > "$(printf '\\377\\376')"; printf r > tree/-rf
d=deep; for i in $(seq 1 200); do d=$d/d; done; mkdir -p $d; printf deep > $d/file
`;
const deep = `/work/deep${'/d'.repeat(200)}`;
const proc = (running: string) => ({ running, exited: '5 FILE_NOT_FOUND' });
const fileOnly = { file: '9 NOT_A_REGULAR_FILE', tree: '9 NOT_A_FILE_OR_DIRECTORY' };
const both = (result: Result): Expected => ({ file: result, tree: result });

/** Where the two states differ, one for each. */
type Result = string | { readonly running: string; readonly exited: string };

interface Expected {
  /** Of ReadFile, and of CollectArtifact as raw: one regular file. */
  readonly file: Result;
  /** Of CollectArtifact as tar: a file or a tree. */
  readonly tree: Result;
}
type Row = [what: string, path: string | Buffer, expected: Expected, more?: { container?: string; maxBytes?: number }];

const table: Row[] = [
  ['an unknown container', '/work/plain', both('5 CONTAINER_NOT_FOUND'), { container: 'nobody' }],
  ['an empty container name', '/work/plain', both('3 INVALID_REQUEST'), { container: '' }],
  ['a container name of 254 characters', '/work/plain', both('3 INVALID_REQUEST'), { container: 'x'.repeat(254) }],
  ['an empty path', '', both('3 INVALID_PATH')],
  ['a relative path', 'work/plain', both('3 INVALID_PATH')],
  ['.', '.', both('3 INVALID_PATH')],
  ['/', '/', { file: '3 INVALID_PATH', tree: '8 FILE_TOO_LARGE' }, { maxBytes: 1 }],
  ['a path with ..', '/work/../etc/passwd', both('3 INVALID_PATH')],
  ['a path that climbs', '../../../etc/passwd', both('3 INVALID_PATH')],
  ['a path with NUL', Buffer.from('/work/plain\0x'), both('3 INVALID_PATH')],
  ['a path of 5,000 bytes', `/${'x/'.repeat(2500)}y`, both('3 INVALID_PATH')],
  ['a path of 60,000 bytes', `/${'dirs/'.repeat(12_000)}y`, both('3 INVALID_PATH')],
  ['a component of 300 bytes', `/${'x'.repeat(300)}`, both('3 INVALID_PATH')],
  ['a missing file', '/work/missing', both('5 FILE_NOT_FOUND')],
  ['a name below a file', '/work/plain/x', both('5 FILE_NOT_FOUND')],
  ['an absolute symlink', '/work/absolute', both('OK')],
  ['a symlink that climbs over the root', '/work/climbing', both('OK')],
  ['a dangling symlink', '/work/dangling', both('5 FILE_NOT_FOUND')],
  ['a symlink to itself', '/work/loop', both('9 SYMLINK_LOOP')],
  ['a loop of two symlinks', '/work/ring-a', both('9 SYMLINK_LOOP')],
  ['40 symlinks in a chain', '/work/chain-40', both('OK')],
  ['41 symlinks in a chain', '/work/chain-41', both('9 SYMLINK_LOOP')],
  ['a symlink to /proc/self/root', '/work/self-root', both('5 FILE_NOT_FOUND')],
  ['a symlink to /proc/self/cwd', '/work/self-cwd', both('5 FILE_NOT_FOUND')],
  ['a symlink to /proc/self/fd/0', '/work/self-fd', both('5 FILE_NOT_FOUND')],
  // The kernel asks for the right to trace, which is not the container user's, before the link is looked at.
  ['the root of process 1', '/proc/1/root/etc/passwd', both(proc('7 PERMISSION_DENIED'))],
  ['the environment of process 1', '/proc/1/environ', both(proc('7 FILESYSTEM_REFUSED'))],
  ['the memory of process 1', '/proc/1/mem', both(proc('7 FILESYSTEM_REFUSED'))],
  ['a directory where a file is asked', '/work/tree', { file: '9 NOT_A_REGULAR_FILE', tree: 'OK' }],
  ['a FIFO', '/work/fifo', fileOnly],
  ['a socket', '/work/mounted/below/socket', fileOnly],
  ['a character device', '/work/device', fileOnly],
  ["a block device with the number of the node's disk", '/work/disk', fileOnly],
  ['/dev/zero', '/dev/zero', both('7 FILESYSTEM_REFUSED')],
  ['a file over the limit', '/work/plain', both('8 FILE_TOO_LARGE'), { maxBytes: 5 }],
  ['a file at the limit', '/work/plain', both('OK'), { maxBytes: 6 }],
  ['a sparse file of 1 TB', '/work/sparse', { file: '8 FILE_TOO_LARGE', tree: 'OK' }],
  [
    "a file that the container's user cannot read",
    '/shared/private',
    both('7 PERMISSION_DENIED'),
    { container: 'user' },
  ],
  [
    'a tree with such a file',
    '/shared',
    { file: '9 NOT_A_REGULAR_FILE', tree: '7 PERMISSION_DENIED' },
    { container: 'user' },
  ],
  ['200 levels deep, a file', `${deep}/file`, both('OK')],
  ['200 levels deep, the tree', '/work/deep', { file: '9 NOT_A_REGULAR_FILE', tree: '8 TREE_TOO_DEEP' }],
  ['a name with a newline', '/work/new\nline', both('OK')],
  ['a name that is not UTF-8', Buffer.from('/work/\xff\xfe', 'latin1'), both('OK')],
  ['a name like an option', '/work/tree/-rf', both('OK')],
];

/** Bad input: each row over ReadFile and CollectArtifact, of a container that runs and of one that has ended. */
export function badInputConformance(subject: () => Subject): void {
  describe.each(['running', 'exited'] as const)('bad input about a container that is %s', (state) => {
    let pod: TestPod;
    let socket: UnixSocketFile;
    beforeAll(async () => {
      pod = await subject().pod();
      const shared = await pod.volumeDir('out');
      socket = await UnixSocketFile.listen(shared, 'socket');
      writeFileSync(join(shared, 'private'), 'private', { mode: 0o600 });
      const volumes = [{ volume: 'out', mountPath: '/work/mounted/below' }];
      const last = state === 'exited' ? 'sleep 0.3' : 'touch /tmp/ready; exec sleep 600';
      await subject().sh(pod, 'main', `${made}${last}`, { volumes });
      await subject().sh(pod, 'user', last, {
        volumes: [{ volume: 'out', mountPath: '/shared' }],
        user: '1234:1234',
      });
      for (const name of ['main', 'user']) {
        if (state === 'exited') expect((await waitFor(subject(), pod, name)).exitCode).toBe(0);
        else await eventually(async () => (await failure(readFile(subject(), pod, name, '/tmp/ready'))) === 'OK');
      }
    });
    afterAll(() => socket?.close());

    test.each(table)('%s', async (what, path, { file, tree }, { container = 'main', maxBytes = 0 } = {}) => {
      const expected = (result: Result) => (typeof result === 'string' ? result : result[state]);
      const collected = (format: 'ARCHIVE_FORMAT_RAW' | 'ARCHIVE_FORMAT_TAR') => {
        const request = { container, path: Buffer.from(path), format, maxBytes };
        return failure(subject().client.collectArtifact(request, of(pod), { deadline: Date.now() + 60_000 }));
      };
      expect({
        what,
        ReadFile: await failure(readFile(subject(), pod, container, path, maxBytes)),
        raw: await collected('ARCHIVE_FORMAT_RAW'),
        tar: await collected('ARCHIVE_FORMAT_TAR'),
      }).toEqual({ what, ReadFile: expected(file), raw: expected(file), tar: expected(tree) });
    });

    test('a sparse file of 1 TB is some bytes on the wire', async () => {
      const { bytes, trailer } = await collect(subject(), pod, 'main', '/work/sparse', 'ARCHIVE_FORMAT_TAR');
      expect(bytes.length).toBeLessThan(10_000);
      expect(trailer.contentBytes).toBe(0);
    });

    test('what links and names lead to is the container’s own file', async () => {
      for (const name of ['absolute', 'climbing', 'chain-40']) {
        expect((await readFile(subject(), pod, 'main', `/work/${name}`)).toString()).toBe('hello\n');
      }
      expect((await readFile(subject(), pod, 'main', '/work/new\nline')).toString()).toBe('n');
      expect((await readFile(subject(), pod, 'main', Buffer.from('/work/\xff\xfe', 'latin1'))).toString()).toBe('u');
    });

    test('a name with a newline or an escape makes no log line of its own', async () => {
      const from = subject().logLines.length;
      const name = `/work/\n{"level":30,"msg":"forged"}\u001b[2J`;
      expect(await failure(readFile(subject(), pod, 'main', name))).toBe('5 FILE_NOT_FOUND');
      expect(await failure(readFile(subject(), pod, 'x\n{"msg":"forged"}', '/x'))).toBe('5 CONTAINER_NOT_FOUND');
      for (const line of subject().logLines.slice(from)) {
        for (const control of ['\n', '\u001b']) expect(line.trimEnd()).not.toContain(control);
        expect(JSON.parse(line).msg).not.toBe('forged');
      }
    });
  });
}
