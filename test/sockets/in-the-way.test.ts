import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bindPath, unixStreamSocket } from '../../src/agent/linux/unix-socket.ts';
import { attackOn } from '../attacks/attack.ts';
import { eventually } from '../conformance/subject.ts';
import { must } from '../node/processes.ts';
import { SocketNode } from './socket-node.ts';

const attack = attackOn('shared');

let node: SocketNode;
let outside: string;
beforeAll(async () => {
  node = await SocketNode.open();
  outside = join(node.directory, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'agent.sock'), 'not yours');
});
afterAll(async () => await node.close());

const isSocket = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
const obstructions = (obstacle: string) =>
  node.agent.metric('podhand_socket_obstructions_total', `obstacle="${obstacle}"`, 'place="emptyDir"');
const told = (podUid: string) =>
  node.agent.logged('no socket for this pod: something is in the way').filter((line) => line.podUid === podUid);

/** A pod's volumes directory, made as a kubelet does, without the volume. */
async function podWithoutVolume() {
  const pod = await node.runtime.pod();
  mkdirSync(node.volumesDir(pod), { recursive: true, mode: 0o750 });
  return { pod, volume: node.volumeDir(pod) };
}

/** Prepares a volume elsewhere, moves it into its place in one step, and gives what is needed to take it away. */
async function prepared(prepare: (directory: string) => unknown) {
  const { pod, volume } = await podWithoutVolume();
  const aside = join(node.directory, `aside-${pod.uid}`);
  mkdirSync(aside, { mode: 0o777 });
  await prepare(aside);
  renameSync(aside, volume);
  return { pod, volume, place: join(volume, 'agent.sock') };
}

/** Tried several times and told once. */
async function stopped(podUid: string, obstacle: string, before: number): Promise<void> {
  await eventually(async () => (await obstructions(obstacle)) >= before + 3);
  expect(told(podUid).map((line) => line.obstacle)).toEqual([obstacle]);
}

describe('in the place of the socket', () => {
  attack.each<readonly [string, string, (place: string) => unknown]>([
    ['a file', 'file', (place) => writeFileSync(place, 'mine')],
    ['a directory', 'directory', (place) => mkdirSync(place)],
    ['a link to a file', 'symlink', (place) => symlinkSync(join(outside, 'agent.sock'), place)],
    ['a link to nothing', 'symlink', (place) => symlinkSync(join(outside, 'new.sock'), place)],
    ['a FIFO', 'fifo', (place) => must(['mkfifo', place])],
    ['a device', 'device', (place) => must(['mknod', place, 'c', '1', '3'])],
    ["a user's dead socket", 'socket', deadSocketOf(1000)],
  ])(54, '%s stays, is told once, and the socket comes when it is gone', async (_, obstacle, put) => {
    const before = await obstructions(obstacle);
    const { pod, place } = await prepared((directory) => put(join(directory, 'agent.sock')));
    const { ino } = lstatSync(place);
    await stopped(pod.uid, obstacle, before);
    expect(lstatSync(place).ino).toBe(ino);
    expect(existsSync(join(outside, 'new.sock'))).toBe(false);
    expect(readFileSync(join(outside, 'agent.sock'), 'utf8')).toBe('not yours');
    rmSync(place, { recursive: true });
    await eventually(async () => isSocket(place));
  });

  test('a socket on which somebody listens stays', async () => {
    const server = createServer();
    const before = await obstructions('socket');
    const { pod, place } = await prepared(
      (directory) => new Promise<void>((resolve) => server.listen(join(directory, 'agent.sock'), resolve)),
    );
    const { ino } = lstatSync(place);
    await stopped(pod.uid, 'socket', before);
    expect(lstatSync(place).ino).toBe(ino);
    server.close();
    // It belongs to root, as a dead agent's does.
    await eventually(async () => isSocket(place) && (await node.ask(pod, ['info'])).exitCode === 0);
  });

  test("root's dead socket is a dead agent's, and is replaced", async () => {
    const { pod } = await prepared((directory) => deadSocketOf(0)(join(directory, 'agent.sock')));
    expect((await node.ask(pod, ['info'])).exitCode).toBe(0);
    expect(told(pod.uid)).toEqual([]);
  });
});

describe('a volume that takes no socket', () => {
  test('immutable', async () => {
    const before = await obstructions('EPERM');
    const pod = await node.runtime.pod();
    const volume = await node.makeVolume(pod);
    const place = join(volume, 'agent.sock');
    await eventually(async () => isSocket(place));
    node.agent.signal('SIGSTOP');
    rmSync(place);
    await must(['chattr', '+i', volume]);
    node.agent.signal('SIGCONT');
    try {
      await stopped(pod.uid, 'EPERM', before);
    } finally {
      await must(['chattr', '-i', volume]);
    }
    await eventually(async () => isSocket(place));
  });

  test('full: no inode is left', async () => {
    const before = await obstructions('ENOSPC');
    const { pod, volume } = await podWithoutVolume();
    const aside = join(node.directory, `aside-${pod.uid}`);
    mkdirSync(aside);
    await must(['mount', '-t', 'tmpfs', '-o', 'nr_inodes=2', 'tmpfs', aside]);
    writeFileSync(join(aside, 'takes-the-last'), '');
    mkdirSync(volume);
    await must(['mount', '--move', aside, volume]);
    await eventually(async () => (await obstructions('ENOSPC')) >= before + 3);
    rmSync(join(volume, 'takes-the-last'));
    await eventually(async () => isSocket(join(volume, 'agent.sock')));
  });

  test('a link to a directory of the node, in the place of the volume', async () => {
    const before = await obstructions('ELOOP');
    const { pod, volume } = await podWithoutVolume();
    symlinkSync(outside, volume);
    await eventually(async () => (await obstructions('ELOOP')) + (await obstructions('ENOTDIR')) >= before + 3);
    expect(told(pod.uid)).toHaveLength(1);
    expect(readFileSync(join(outside, 'agent.sock'), 'utf8')).toBe('not yours');
    rmSync(volume);
    mkdirSync(volume);
    await eventually(async () => isSocket(join(volume, 'agent.sock')));
  });

  test('a link in the way to the volume', async () => {
    const { pod, volume } = await podWithoutVolume();
    mkdirSync(join(outside, 'podhand'), { recursive: true });
    rmdirSync(node.volumesDir(pod));
    symlinkSync(outside, node.volumesDir(pod));
    await eventually(async () => told(pod.uid).length > 0);
    expect(existsSync(join(outside, 'podhand/agent.sock'))).toBe(false);
    rmSync(node.volumesDir(pod));
    mkdirSync(volume, { recursive: true });
    await eventually(async () => isSocket(join(volume, 'agent.sock')));
  });

  test.each<[string, (parent: string) => void]>([
    ['belongs to a user', (parent) => chownSync(parent, 1000, 1000)],
    ['can be written by everybody', (parent) => chmodSync(parent, 0o777)],
  ])('the directory of volumes %s', async (_, spoil) => {
    const { pod, volume } = await podWithoutVolume();
    spoil(node.volumesDir(pod));
    mkdirSync(volume);
    await eventually(async () => told(pod.uid).length > 0);
    expect(told(pod.uid)[0]?.obstacle).toBe('owner');
    expect(existsSync(join(volume, 'agent.sock'))).toBe(false);
  });

  test('a directory of the node is mounted there', async () => {
    const { pod, volume } = await podWithoutVolume();
    mkdirSync(volume);
    await eventually(async () => isSocket(join(volume, 'agent.sock')));
    await must(['mount', '--bind', outside, volume]);
    await eventually(async () => told(pod.uid).length > 0);
    expect(told(pod.uid)[0]?.obstacle).toBe('device');
    expect(readFileSync(join(outside, 'agent.sock'), 'utf8')).toBe('not yours');
    await must(['umount', volume]);
    await eventually(async () => isSocket(join(volume, 'agent.sock')));
  });
});

describe('what becomes of a socket that stands', () => {
  test.each<[string, (place: string) => unknown]>([
    ['removed', (place) => rmSync(place)],
    ['renamed', (place) => renameSync(place, `${place}.old`)],
  ])('%s: it is made again, and answers', async (_, lose) => {
    const pod = await node.runtime.pod();
    const place = join(await node.makeVolume(pod), 'agent.sock');
    await eventually(async () => isSocket(place));
    const lost = await node.agent.metric('podhand_sockets_lost_total');
    await lose(place);
    await eventually(async () => isSocket(place));
    await eventually(async () => (await node.agent.metric('podhand_sockets_lost_total')) > lost);
    expect((await node.ask(pod, ['info'])).exitCode).toBe(0);
  });

  test('replaced by a link: it is not followed, and the socket is back when it is gone', async () => {
    const pod = await node.runtime.pod();
    const place = join(await node.makeVolume(pod), 'agent.sock');
    await eventually(async () => isSocket(place));
    const before = await obstructions('symlink');
    symlinkSync(join(outside, 'agent.sock'), `${place}.new`);
    renameSync(`${place}.new`, place);
    await eventually(async () => (await obstructions('symlink')) >= before + 3);
    expect(readlinkSync(place)).toBe(join(outside, 'agent.sock'));
    expect(readFileSync(join(outside, 'agent.sock'), 'utf8')).toBe('not yours');
    rmSync(place);
    await eventually(async () => isSocket(place));
  });

  test('its volume renamed: the agent takes its socket out of what is not the place any more', async () => {
    const pod = await node.runtime.pod();
    const volume = await node.makeVolume(pod);
    await eventually(async () => isSocket(join(volume, 'agent.sock')));
    const elsewhere = join(node.directory, `elsewhere-${pod.uid}`);
    renameSync(volume, elsewhere);
    await eventually(async () => !existsSync(join(elsewhere, 'agent.sock')));
    renameSync(elsewhere, volume);
    await eventually(async () => isSocket(join(volume, 'agent.sock')));
  });
});

/** A socket file that a user has bound, and on which nobody listens. */
function deadSocketOf(uid: number) {
  return (place: string): void => {
    const fd = unixStreamSocket();
    bindPath(fd, place);
    closeSync(fd);
    lchownSync(place, uid, uid);
  };
}
