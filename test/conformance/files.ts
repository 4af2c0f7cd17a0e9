import { createHash } from 'node:crypto';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TestPod } from '../node/pods.ts';
import { failure } from '../rpc/agent-under-test.ts';
import { collect, eventually, type Flavour, of, readFile, type Subject, waitFor } from './subject.ts';

/** What is in the container: every kind of file that a user or an attacker may leave behind. */
const awkward = `
mkdir -p /work/tree/sub /work/deep && cd /work
printf 'hello\\n' > plain; : > empty; printf secret > /root/secret; chmod 600 /root/secret
ln -s /work/plain absolute; ln -s ../../../../work/plain climbing; ln -s loop loop; ln -s /nowhere dangling
ln -s /etc/hostname outside; ln -s /proc/1/environ environ
mkfifo fifo; mknod device c 1 5 2>/dev/null || true
truncate -s 1099511627776 sparse
printf a > tree/a; printf b > tree/sub/b; ln -s a tree/link; ln tree/a tree/hard; mkfifo tree/fifo
n="$(printf 'new\\nline')"; printf n > "tree/$n"; printf r > tree/-rf; printf u > "tree/$(printf '\\377\\376')"
d=deep; for i in $(seq 1 200); do d=$d/d; done; mkdir -p $d
`;

async function entriesOf(tar: Buffer): Promise<Map<string, { header: Header; body: Buffer }>> {
  const found = new Map<string, { header: Header; body: Buffer }>();
  const reader = extract({ filenameEncoding: 'latin1' } as object);
  reader.end(tar);
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    found.set(entry.header.name.replace(/\/$/, ''), { header: entry.header, body: Buffer.concat(chunks) });
  }
  return found;
}

export function filesConformance(flavour: Flavour, subject: () => Subject): void {
  describe.each([
    ['running', 'touch /work/ready; exec sleep 600', flavour.capabilities['files.base_layer.running']],
    ['exited', 'exit 0', flavour.capabilities['files.base_layer.exited']],
  ] as const)('files of a container that is %s', (state, last, supported) => {
    let pod: TestPod;
    beforeAll(async () => {
      if (!supported) throw new Error('every executor of this suite reads the base layer');
      pod = await subject().pod();
      // The pod's volumes stay as long as one of its containers runs.
      await subject().sh(pod, 'stays', 'exec sleep 600', { start: false });
      await subject().sh(
        pod,
        'main',
        `${awkward}\nmkdir -p /work/mounted; printf volume > /work/mounted/below/file; ${last}`,
        {
          volumes: [{ volume: 'out', mountPath: '/work/mounted/below' }],
        },
      );
      expect(await pod.volumeDir('out')).toContain('kubernetes.io~empty-dir');
      if (state === 'exited') await waitFor(subject(), pod, 'main');
      else await eventually(async () => (await failure(read('/work/ready'))) === 'OK');
    });

    const read = (path: string | Buffer, maxBytes = 0, container = 'main') =>
      readFile(subject(), pod, container, path, maxBytes);
    const tree = (path: string) => collect(subject(), pod, 'main', path, 'ARCHIVE_FORMAT_TAR');

    test('a plain file', async () => expect((await read('/work/plain')).toString()).toBe('hello\n'));
    test('an empty file', async () => expect(await read('/work/empty')).toHaveLength(0));
    test('an absolute link stays in the container', async () =>
      expect((await read('/work/absolute')).toString()).toBe('hello\n'));
    test('a link that climbs stays in the container', async () =>
      expect((await read('/work/climbing')).toString()).toBe('hello\n'));
    test('// and . in a path', async () => expect((await read('/work//./plain')).toString()).toBe('hello\n'));
    test('a file on a volume mounted below', async () =>
      expect((await read('/work/mounted/below/file')).toString()).toBe('volume'));

    test.each<[string, string | Buffer, string]>([
      ['..', '/work/../etc/passwd', '3 INVALID_PATH'],
      ['relative', 'work/plain', '3 INVALID_PATH'],
      ['empty', '', '3 INVALID_PATH'],
      ['/', '/', '3 INVALID_PATH'],
      ['NUL', Buffer.from('/work/plain\0x'), '3 INVALID_PATH'],
      ['5,000 bytes', `/${'x/'.repeat(2500)}y`, '3 INVALID_PATH'],
      ['a component of 300 bytes', `/${'x'.repeat(300)}`, '3 INVALID_PATH'],
      ['missing', '/work/missing', '5 FILE_NOT_FOUND'],
      ['below a file', '/work/plain/x', '5 FILE_NOT_FOUND'],
      ['dangling link', '/work/dangling', '5 FILE_NOT_FOUND'],
      ['link loop', '/work/loop', '9 SYMLINK_LOOP'],
      ['directory', '/work/tree', '9 NOT_A_REGULAR_FILE'],
      ['FIFO', '/work/fifo', '9 NOT_A_REGULAR_FILE'],
      ['1 TB sparse file', '/work/sparse', '8 FILE_TOO_LARGE'],
    ])('%s', async (_, path, expected) => {
      expect(await failure(read(path))).toBe(expected);
    });

    test('a file over the limit is refused, one at the limit is not', async () => {
      expect(await failure(read('/work/plain', 5))).toBe('8 FILE_TOO_LARGE');
      expect(await read('/work/plain', 6)).toHaveLength(6);
    });

    test('procfs is never read', async () => {
      for (const path of ['/proc/1/environ', '/work/environ', '/proc/self/environ', '/proc/1/root/etc/passwd']) {
        expect(await failure(read(path))).not.toBe('OK');
      }
    });

    test('a container that the pod does not have', async () => {
      expect(await failure(read('/work/plain', 0, 'nobody'))).toBe('5 CONTAINER_NOT_FOUND');
    });

    test('a tree as tar: names are bytes, links are links, nothing else is opened', async () => {
      const { bytes, trailer } = await tree('/work/tree');
      const entries = await entriesOf(bytes);
      expect(entries.get('tree')?.header.type).toBe('directory');
      expect(entries.get('tree/sub/b')?.body.toString()).toBe('b');
      expect(entries.get('tree/link')?.header).toMatchObject({ type: 'symlink', linkname: 'a' });
      expect(entries.get('tree/new\nline')?.body.toString()).toBe('n');
      expect(entries.get('tree/-rf')?.body.toString()).toBe('r');
      expect([...entries.keys()].some((name) => name.startsWith('/') || name.includes('..'))).toBe(false);
      expect([...entries.keys()].some((name) => name.includes('fifo'))).toBe(false);
      expect(trailer?.skipped?.fifos).toBe(1);
      expect(trailer?.size).toBe(bytes.length);
      expect(trailer?.sha256.equals(createHash('sha256').update(bytes).digest())).toBe(true);
    });

    test('tgz and zstd hold the same tar', async () => {
      const { bytes } = await tree('/work/tree');
      const gzip = await collect(subject(), pod, 'main', '/work/tree', 'ARCHIVE_FORMAT_TAR_GZIP');
      const zstd = await collect(subject(), pod, 'main', '/work/tree', 'ARCHIVE_FORMAT_TAR_ZSTD');
      expect(gunzipSync(gzip.bytes).equals(bytes)).toBe(true);
      expect(zstdDecompressSync(zstd.bytes).equals(bytes)).toBe(true);
      expect(gzip.trailer.sha256.equals(createHash('sha256').update(gzip.bytes).digest())).toBe(true);
    });

    test('a single file as tar, and raw', async () => {
      const entries = await entriesOf((await tree('/work/plain')).bytes);
      expect([...entries.keys()]).toEqual(['plain']);
      expect((await collect(subject(), pod, 'main', '/work/plain', 'ARCHIVE_FORMAT_RAW')).bytes.toString()).toBe(
        'hello\n',
      );
      expect(await failure(collect(subject(), pod, 'main', '/work/tree', 'ARCHIVE_FORMAT_RAW'))).toBe(
        '9 NOT_A_REGULAR_FILE',
      );
      expect(await failure(collect(subject(), pod, 'main', '/work/fifo', 'ARCHIVE_FORMAT_TAR'))).toBe(
        '9 NOT_A_FILE_OR_DIRECTORY',
      );
    });

    test('the volume below a collected directory is in the archive', async () => {
      const entries = await entriesOf((await tree('/work/mounted')).bytes);
      expect(entries.get('mounted/below/file')?.body.toString()).toBe('volume');
    });

    test('200 levels deep', async () => {
      expect(await failure(tree('/work/deep'))).toBe('8 TREE_TOO_DEEP');
    });
  });

  test('a file on a shared volume that the container could not read itself', async () => {
    const pod = await subject().pod();
    const volumes = [{ volume: 'shared', mountPath: '/shared' }];
    const owner = await subject().sh(
      pod,
      'owner',
      'umask 077; echo private > /shared/private; chmod 755 /shared; touch /tmp/ready; exec sleep 600',
      { volumes, start: false },
    );
    await subject().sh(pod, 'other', 'echo mine > /tmp/mine; touch /tmp/ready; exec sleep 600', {
      volumes,
      user: '1234:1234',
    });
    await owner.start();
    await eventually(async () => (await failure(readFile(subject(), pod, 'owner', '/tmp/ready'))) === 'OK');
    expect((await readFile(subject(), pod, 'owner', '/shared/private')).toString()).toBe('private\n');
    await eventually(async () => (await failure(readFile(subject(), pod, 'other', '/tmp/ready'))) === 'OK');
    expect((await readFile(subject(), pod, 'other', '/tmp/mine')).toString()).toBe('mine\n');
    expect(await failure(readFile(subject(), pod, 'other', '/shared/private'))).toBe('7 PERMISSION_DENIED');
    expect(await failure(collect(subject(), pod, 'other', '/shared', 'ARCHIVE_FORMAT_TAR'))).toBe(
      '7 PERMISSION_DENIED',
    );
  });

  test('hostPath and Secret mounts are refused', async () => {
    const pod = await subject().pod();
    await subject().sh(pod, 'main', 'touch /tmp/ready; exec sleep 600', {
      volumes: [
        { volume: 'token', mountPath: '/secret', kind: 'secret' },
        { volume: 'host', mountPath: '/host', kind: 'hostPath', hostPath: '/etc' },
      ],
    });
    expect(await pod.volumeDir('token', 'secret')).toContain('secret');
    await expect.poll(() => failure(readFile(subject(), pod, 'main', '/tmp/ready')), { timeout: 30_000 }).toBe('OK');
    expect(await failure(readFile(subject(), pod, 'main', '/host/hostname'))).toBe('7 MOUNT_REFUSED');
    expect(await failure(collect(subject(), pod, 'main', '/secret', 'ARCHIVE_FORMAT_TAR'))).toBe('7 MOUNT_REFUSED');
  });

  if (!flavour.fixedPods) notStarted(subject);
}

function notStarted(subject: () => Subject): void {
  test('a container that has not started', async () => {
    const pod = await subject().pod();
    await subject().sh(pod, 'main', 'exit 0', { start: false });
    const call = () => failure(subject().client.readFile({ container: 'main', path: Buffer.from('/x') }, of(pod)));
    // Without a runtime to ask, a container that has not started is not known by name.
    await expect
      .poll(call, { timeout: 20_000 })
      .toMatch(/^(9 CONTAINER_NOT_STARTED|5 CONTAINER_NOT_FOUND|5 FILE_NOT_FOUND|5 POD_NOT_FOUND)$/);
  });
}
