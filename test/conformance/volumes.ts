import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { extract } from 'tar-stream';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TestPod } from '../node/pods.ts';
import { failure, unary } from '../rpc/agent-under-test.ts';
import { collect, eventually, type Flavour, of, readFile, type Subject, waitFor } from './subject.ts';

/** On the volume at /work; what a user or an attacker may leave there. */
const awkward = `
mkdir -p /work/tree/sub && cd /work
printf 'hello\\n' > plain; : > empty; printf base > /tmp/base
ln -s plain relative; ln -s /work/plain absolute; ln -s ../../../etc/passwd climbing; ln -s loop loop; ln -s nowhere dangling
ln -s /proc/1/environ environ; mkfifo fifo; truncate -s 1099511627776 sparse
printf a > tree/a; printf b > tree/sub/b; ln -s a tree/link; ln tree/a tree/hard; mkfifo tree/fifo; ln -s /etc tree/out
printf fast > /work/fast/file; printf part > /part/file; printf 'whole' > /parts/outside; ln -s ../outside /part/escape
`;

const volumes = [
  { volume: 'work', mountPath: '/work' },
  { volume: 'fast', mountPath: '/work/fast', kind: 'tmpfs' },
  { volume: 'parts', mountPath: '/parts' },
  { volume: 'parts', mountPath: '/part', subPath: 'one/part' },
] as const;

async function namesIn(tar: Buffer): Promise<string[]> {
  const names: string[] = [];
  const reader = extract();
  reader.end(tar);
  for await (const entry of reader) {
    names.push(entry.header.name.replace(/\/$/, ''));
    entry.resume();
  }
  return names.sort();
}

/** Files of an executor that reads volumes only; the base layer is refused, and where files are not offered at all they are. */
export function volumesConformance(flavour: Flavour, subject: () => Subject): void {
  if (flavour.capabilities['files.volume.running']) {
    describe.each(['running', 'exited'] as const)('volumes of a container that is %s', (state) =>
      volumesOf(state, subject),
    );
    volumeKinds(subject);
  } else withoutFiles(subject);
  notStarted(subject);
}

function volumesOf(state: 'running' | 'exited', subject: () => Subject): void {
  let pod: TestPod;
  beforeAll(async () => {
    pod = await subject().pod();
    // An emptyDir goes when every container of the pod has ended.
    const stays = await subject().sh(pod, 'stays', 'exec sleep 600', { start: false });
    const last = state === 'running' ? 'touch /work/ready; exec sleep 600' : 'exit 0';
    await subject().sh(pod, 'main', `${awkward}${last}`, { volumes });
    await stays.start();
    if (state === 'exited') await waitFor(subject(), pod, 'main');
    else await eventually(async () => (await failure(read('/work/ready'))) === 'OK');
  });

  const read = (path: string | Buffer, maxBytes = 0) => readFile(subject(), pod, 'main', path, maxBytes);
  const tree = (path: string) => collect(subject(), pod, 'main', path, 'ARCHIVE_FORMAT_TAR');

  test.each([
    ['/work/plain', 'hello\n'],
    ['/work//./plain', 'hello\n'],
    ['/work/empty', ''],
    ['/work/relative', 'hello\n'],
    ['/work/fast/file', 'fast'],
    ['/part/file', 'part'],
    ['/parts/one/part/file', 'part'],
  ])('%s', async (path, expected) => {
    expect((await read(path)).toString()).toBe(expected);
  });

  test.each([
    ['/tmp/base', '12 BASE_LAYER_NOT_OFFERED'],
    ['/etc/hostname', '12 BASE_LAYER_NOT_OFFERED'],
    ['/worker', '12 BASE_LAYER_NOT_OFFERED'],
    ['/work/missing', '5 FILE_NOT_FOUND'],
    ['/work/plain/x', '5 FILE_NOT_FOUND'],
    ['/work/dangling', '5 FILE_NOT_FOUND'],
    ['/work/loop', '9 SYMLINK_LOOP'],
    ['/work', '9 NOT_A_REGULAR_FILE'],
    ['/work/tree', '9 NOT_A_REGULAR_FILE'],
    ['/work/fifo', '9 NOT_A_REGULAR_FILE'],
    ['/work/sparse', '8 FILE_TOO_LARGE'],
    // Where these lead to, only the container could tell.
    ['/work/absolute', '9 LINK_LEAVES_VOLUME'],
    ['/work/climbing', '9 LINK_LEAVES_VOLUME'],
    ['/work/environ', '9 LINK_LEAVES_VOLUME'],
    ['/work/tree/out/passwd', '9 LINK_LEAVES_VOLUME'],
    ['/part/escape', '9 LINK_LEAVES_VOLUME'],
    ['/work/../etc/passwd', '3 INVALID_PATH'],
    ['/', '3 INVALID_PATH'],
  ])('%s is refused: %s', async (path, expected) => {
    expect(await failure(read(path))).toBe(expected);
  });

  test('a message names the volume and says what to do', async () => {
    const told = async (path: string) => await read(path).then(String, (error: Error) => error.message);
    expect(await told('/tmp/base')).toMatch(/base layer.*volume.*emptyDir/);
    expect(await told('/work/missing')).toMatch(/in volume "work", mounted at "\/work": "\/missing"/);
  });

  test('a tree as tar: named by its path, links are links, nothing else is opened', async () => {
    const { bytes, trailer } = await tree('/work/tree');
    expect(await namesIn(bytes)).toEqual([
      'tree',
      'tree/a',
      'tree/hard',
      'tree/link',
      'tree/out',
      'tree/sub',
      'tree/sub/b',
    ]);
    expect(trailer.skipped?.fifos).toBe(1);
  });

  test('a whole volume is named by its mount; another volume below it is counted as left out', async () => {
    const { bytes, trailer } = await tree('/part');
    expect(await namesIn(bytes)).toEqual(['part', 'part/escape', 'part/file']);
    expect(trailer.skipped?.mounts).toBe(0);
  });

  test('a base-layer tree is refused', async () => {
    expect(await failure(tree('/etc'))).toBe('12 BASE_LAYER_NOT_OFFERED');
  });
}

function volumeKinds(subject: () => Subject): void {
  test('other mounts below a collected directory are counted as left out', async () => {
    const pod = await subject().pod();
    await subject().sh(pod, 'main', 'echo x > /work/x; echo y > /work/fast/y; exec sleep 600', { volumes });
    await eventually(async () => (await failure(readFile(subject(), pod, 'main', '/work/fast/y'))) === 'OK');
    const { bytes, trailer } = await collect(subject(), pod, 'main', '/work', 'ARCHIVE_FORMAT_TAR');
    expect(await namesIn(bytes)).toEqual(['work', 'work/fast', 'work/x']);
    expect(trailer.skipped?.mounts).toBe(1);
  });

  test('a file on a shared volume that the container could not read itself', async () => {
    const pod = await subject().pod();
    const shared = { volumes: [{ volume: 'shared', mountPath: '/shared' }] };
    const owner = await subject().sh(
      pod,
      'owner',
      'umask 077; echo private > /shared/private; umask 022; echo public > /shared/public; exec sleep 600',
      { ...shared, start: false, user: '0:0' },
    );
    await subject().sh(pod, 'other', 'exec sleep 600', { ...shared, user: '1234:1234' });
    await owner.start();
    const read = (container: string, path: string) => readFile(subject(), pod, container, path);
    await eventually(async () => (await failure(read('other', '/shared/public'))) === 'OK');
    expect((await read('owner', '/shared/private')).toString()).toBe('private\n');
    expect(await failure(read('other', '/shared/private'))).toBe('7 PERMISSION_DENIED');
    expect(await failure(collect(subject(), pod, 'other', '/shared', 'ARCHIVE_FORMAT_TAR'))).toBe(
      '7 PERMISSION_DENIED',
    );
  });

  test('hostPath, Secret and projected volumes are refused', async () => {
    const pod = await subject().pod();
    await subject().sh(pod, 'main', 'exec sleep 600', {
      volumes: [
        { volume: 'token', mountPath: '/secret', kind: 'secret' },
        { volume: 'all', mountPath: '/all', kind: 'projected' },
        { volume: 'host', mountPath: '/host', kind: 'hostPath', hostPath: '/etc' },
      ],
    });
    for (const path of ['/secret/key', '/all/key', '/host/hostname']) {
      const call = () => failure(readFile(subject(), pod, 'main', path));
      await expect.poll(call, { timeout: 20_000 }).toBe('7 MOUNT_REFUSED');
    }
  });

  test('a link in the place of a subPath is not followed', async () => {
    const pod = await subject().pod();
    await subject().sh(pod, 'main', 'exec sleep 600', { volumes });
    const parts = await pod.volumeDir('parts');
    writeFileSync(join(parts, 'outside'), 'x');
    const { renameSync, symlinkSync } = await import('node:fs');
    renameSync(join(parts, 'one'), join(parts, 'two'));
    symlinkSync('.', join(parts, 'one'));
    symlinkSync('/etc', join(parts, 'part'));
    const call = () => failure(readFile(subject(), pod, 'main', '/part/hostname'));
    await expect.poll(call, { timeout: 20_000 }).toBe('9 VOLUME_NOT_REACHABLE');
  });
}

function withoutFiles(subject: () => Subject): void {
  test('files and artifacts are refused', async () => {
    const pod = await subject().pod();
    await subject().sh(pod, 'main', 'exec sleep 600', { volumes });
    const call = () => failure(readFile(subject(), pod, 'main', '/work/x'));
    await expect.poll(call, { timeout: 20_000 }).toBe('12 ROLE_NOT_OFFERED');
    expect(await failure(collect(subject(), pod, 'main', '/work', 'ARCHIVE_FORMAT_TAR'))).toBe('12 ROLE_NOT_OFFERED');
  });
}

function notStarted(subject: () => Subject): void {
  test('a container that waits for an image that is not there', async () => {
    const pod = await subject().pod();
    await subject().sh(pod, 'waits', 'exit 0', { image: 'podhand-test/no-such', start: false });
    await subject().sh(pod, 'main', 'exec sleep 600');
    const shown = async () => {
      const { containers } = await unary(subject().client, 'listContainers', {}, of(pod));
      const { state, reason } = containers.find(({ name }) => name === 'waits') ?? {};
      return `${state} ${reason}`;
    };
    await expect.poll(shown, { timeout: 30_000 }).toBe('CONTAINER_STATE_WAITING ErrImageNeverPull');
    expect(await failure(subject().client.streamLogs({ container: 'waits' }, of(pod)))).toBe('9 CONTAINER_NOT_STARTED');
    const kill = unary(subject().client, 'kill', { containers: ['waits'] }, of(pod));
    expect(await failure(kill)).toBe('9 CONTAINER_NOT_STARTED');
  });
}
