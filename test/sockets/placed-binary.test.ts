import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureEmissary } from '../../scripts/emissary/build.ts';
import { loadBinary, placeBinary } from '../../src/agent/sockets/placed-binary.ts';
import { eventually } from '../conformance/subject.ts';
import { must } from '../node/processes.ts';
import { SocketNode } from './socket-node.ts';

let directory: string;
let binary: string;
let node: SocketNode;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'podhand-binary-'));
  binary = join(directory, 'podhand-emissary');
  copyFileSync(await ensureEmissary(process.arch === 'x64' ? 'amd64' : 'arm64'), binary);
  writeFileSync(
    `${binary}.sha256`,
    `${createHash('sha256').update(readFileSync(binary)).digest('hex')}  podhand-emissary\n`,
  );
  node = await SocketNode.open([`emissary.binary=${binary}`]);
}, 600_000);
afterAll(async () => {
  await node?.close();
  rmSync(directory, { recursive: true, force: true });
});

const isSocket = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
const emissaryIn = (volume: string) => join(volume, 'podhand-emissary');

describe('the emissary in an emptyDir, put there by the agent', () => {
  test.each(['', 'Memory'] as const)(
    'is there with the socket, and runs the first container: medium %j',
    async (medium) => {
      const pod = await node.runtime.pod();
      const volume = await node.makeVolume(pod, 'podhand', medium);
      await eventually(async () => isSocket(join(volume, 'agent.sock')));
      const { mode, uid } = lstatSync(emissaryIn(volume));
      expect(`${(mode & 0o7777).toString(8)} ${uid}`).toBe('555 0');
      const command = [
        '/shared/podhand-emissary',
        '--dir',
        '/shared',
        '--container',
        'main',
        '--',
        '/bin/sh',
        '-c',
        'exit 7',
      ];
      const volumes = [{ volume: 'podhand', mountPath: '/shared' }];
      const main = await pod.run({ name: 'main', command, volumes, user: '1234:1234' });
      expect((await main.exited()).exitCode).toBe(7);
      expect(readFileSync(join(volume, 'ctr/main/exitcode'), 'latin1')).toBe('7');
    },
  );

  test('is not put into the directory of the run directory, nor into other volumes', async () => {
    const pod = await node.runtime.pod();
    const other = await node.makeVolume(pod, 'data');
    await pod.run({ name: 'main', command: ['/bin/sleep', '600'] });
    await eventually(async () => isSocket(join(pod.socketDir, 'agent.sock')));
    for (const place of [pod.socketDir, other])
      expect(lstatSync(emissaryIn(place), { throwIfNoEntry: false })).toBeUndefined();
  });

  test('what a pod has there stays, and is not followed', async () => {
    const pod = await node.runtime.pod();
    const volume = await node.makeVolume(pod);
    await eventually(async () => isSocket(join(volume, 'agent.sock')));
    const victim = join(directory, 'victim');
    writeFileSync(victim, 'as it was');
    rmSync(emissaryIn(volume));
    symlinkSync(victim, emissaryIn(volume));
    // The socket comes back; the emissary is tried with it.
    rmSync(join(volume, 'agent.sock'));
    await eventually(async () => isSocket(join(volume, 'agent.sock')));
    expect(lstatSync(emissaryIn(volume)).isSymbolicLink()).toBe(true);
    expect(readFileSync(victim, 'latin1')).toBe('as it was');
  });

  test('a volume that is full is told, and has the socket all the same', async () => {
    const pod = await node.runtime.pod();
    const volume = await node.makeVolume(pod);
    await must(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', volume]);
    chmodSync(volume, 0o777);
    const told = () =>
      node.agent
        .logged('the emissary could not be put into this pod’s volume')
        .some(({ obstacle, podUid }) => obstacle === 'ENOSPC' && podUid === pod.uid);
    await eventually(async () => told() && isSocket(join(volume, 'agent.sock')));
    expect(lstatSync(emissaryIn(volume), { throwIfNoEntry: false })).toBeUndefined();
  });
});

describe('a binary that is not as it was built', () => {
  test('is refused, and so is one that is not there', () => {
    const damaged = join(directory, 'damaged');
    writeFileSync(damaged, 'another');
    copyFileSync(`${binary}.sha256`, `${damaged}.sha256`);
    expect(() => loadBinary(damaged)).toThrowError(expect.objectContaining({ reason: 'CHECKSUM_MISMATCH' }));
    expect(() => loadBinary(join(directory, 'none'))).toThrowError(
      expect.objectContaining({ reason: 'FILE_NOT_FOUND' }),
    );
  });
});

test('a directory that cannot be opened answers what is in the way', () => {
  expect(placeBinary(-1, Buffer.from('x'))).toMatchObject({ obstacle: 'EBADF' });
});
