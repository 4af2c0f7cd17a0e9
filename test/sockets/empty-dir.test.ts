import { closeSync, lstatSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../conformance/subject.ts';
import { must } from '../node/processes.ts';
import { SocketNode } from './socket-node.ts';

let node: SocketNode;
beforeAll(async () => {
  node = await SocketNode.open(['sockets.volumes=podhand,another']);
});
afterAll(async () => await node.close());

const isSocket = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
const socketAt = async (directory: string) => eventually(async () => isSocket(join(directory, 'agent.sock')));

describe('an emptyDir of the configured name', () => {
  test('has the socket before the pod has any container, and its first container calls the agent', async () => {
    const pod = await node.runtime.pod();
    const volume = await node.makeVolume(pod);
    await socketAt(volume);
    const { mode, uid } = lstatSync(join(volume, 'agent.sock'));
    expect(`${(mode & 0o777).toString(8)} ${uid}`).toBe('666 0');
    const { exitCode, output } = await node.ask(pod, ['info', '-o', 'json', '--retry-for', '0s']);
    expect(output).toContain(pod.uid);
    expect(exitCode).toBe(0);
  });

  test('in memory: the socket is in the tmpfs, and none is left below it', async () => {
    const pod = await node.runtime.pod();
    const volume = await node.makeVolume(pod);
    await socketAt(volume);
    const below = openSync(volume, 'r');
    await must(['mount', '-t', 'tmpfs', 'tmpfs', volume]);
    await socketAt(volume);
    expect(readdirSync(`/proc/self/fd/${below}`)).toEqual([]);
    closeSync(below);
    const { exitCode, output } = await node.ask(pod, ['info', '-o', 'json']);
    expect(output).toContain(pod.uid);
    expect(exitCode).toBe(0);
  });

  test('a user without any right calls, with the directory mounted read-only', async () => {
    const pod = await node.runtime.pod();
    await socketAt(await node.makeVolume(pod));
    const volumes = [{ volume: 'podhand', mountPath: '/run/podhand', readOnly: true }];
    const { exitCode, output } = await node.ask(pod, ['ps', '-o', 'json'], { user: '1234:1234', volumes });
    expect(output).toContain('asks');
    expect(exitCode).toBe(0);
  });

  test('every configured name, and no other; the run directory as well', async () => {
    const pod = await node.runtime.pod();
    const [first, second, none] = [
      await node.makeVolume(pod, 'podhand'),
      await node.makeVolume(pod, 'another'),
      await node.makeVolume(pod, 'data'),
    ];
    await socketAt(first);
    await socketAt(second);
    expect((await node.ask(pod, ['info'], { volume: 'another' })).exitCode).toBe(0);
    expect(readdirSync(none)).toEqual([]);
    await socketAt(pod.socketDir);
    const { exitCode } = await node.ask(pod, ['info'], { volumes: [], socketDir: true });
    expect(exitCode).toBe(0);
  });

  test("another pod's process is not answered, wherever it got the directory from", async () => {
    const [owner, stranger] = [await node.runtime.pod(), await node.runtime.pod()];
    const volume = await node.makeVolume(owner);
    await socketAt(volume);
    const volumes = [{ volume: 'stolen', mountPath: '/run/podhand', kind: 'hostPath', hostPath: volume } as const];
    const { exitCode, output } = await node.ask(stranger, ['ps', '--retry-for', '0s'], { volumes });
    expect(`${exitCode} ${output}`).toMatch(/^64 .*unreachable/s);
    await eventually(async () => node.agent.logged('connection refused: not identified').length > 0);
    expect(node.agent.logged('connection refused: not identified').at(-1)).toMatchObject({
      pod: owner.uid,
      reason: 'CALLER_NOT_OF_POD',
    });
  });
});
