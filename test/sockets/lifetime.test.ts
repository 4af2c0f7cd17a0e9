import { existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../conformance/subject.ts';
import type { TestContainer, TestPod } from '../node/pods.ts';
import { run } from '../node/processes.ts';
import { SocketNode } from './socket-node.ts';

let node: SocketNode;
afterEach(async () => await node.close());

const isSocket = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
const socketAt = async (directory: string) => eventually(async () => isSocket(join(directory, 'agent.sock')));
const directories = () => node.agent.descriptors().filter((target) => target.startsWith(node.directory));

describe('a pod that the source does not name yet', () => {
  const open = () => SocketNode.open(['nodeLogs.podsDir=/run/podhand-test/nothing-is-here', 'sockets.hostPath=false']);

  test('gets a clear answer', async () => {
    node = await open();
    const pod = await node.runtime.pod();
    await socketAt(await node.makeVolume(pod));
    const { exitCode, output } = await node.ask(pod, ['info', '--retry-for', '0s', '-o', 'json']);
    expect(output).toContain('POD_NOT_LISTED');
    expect(exitCode).toBe(64);
  });

  test('is answered once it is named, and its call had only to wait', async () => {
    node = await SocketNode.open();
    const listed = join(node.directory, 'listed');
    await node.agent.end('SIGTERM');
    await node.startAgent([`nodeLogs.podsDir=${listed}`]);
    const pod = await node.runtime.pod();
    await socketAt(await node.makeVolume(pod));
    const asking = node.ask(pod, ['info', '-o', 'json']);
    await eventually(async () => (await node.agent.metric('podhand_connections')) > 0);
    mkdirSync(join(listed, `${pod.namespace}_${pod.name}_${pod.uid}`), { recursive: true });
    const { exitCode, output } = await asking;
    expect(output).toContain(pod.uid);
    expect(exitCode).toBe(0);
  });
});

describe('a pod that is over', () => {
  test('lets its volume in memory be unmounted, and has its socket again when it goes on', async () => {
    node = await SocketNode.open();
    const pod = await node.runtime.pod();
    const volume = await node.makeVolume(pod, 'podhand', 'Memory');
    await socketAt(volume);
    expect((await node.ask(pod, ['info'])).exitCode).toBe(0);
    await eventually(async () => !existsSync(join(volume, 'agent.sock')));
    expect((await node.ask(pod, ['info'])).exitCode).toBe(0);
    await eventually(async () => (await run(['umount', volume])).exitCode === 0);
  });

  test('keeps its socket between two containers as long as its sandbox lives', async () => {
    node = await SocketNode.open();
    const pod = await node.runtime.pod({ sandbox: true });
    const volume = await node.makeVolume(pod, 'podhand', 'Memory');
    await socketAt(volume);
    const { ino } = lstatSync(join(volume, 'agent.sock'));
    expect((await node.ask(pod, ['info'])).exitCode).toBe(0);
    // Longer than a pod without any process keeps it: the other test sees it go.
    const other = await node.runtime.pod();
    const otherVolume = await node.makeVolume(other, 'podhand', 'Memory');
    expect((await node.ask(other, ['info'])).exitCode).toBe(0);
    await eventually(async () => !existsSync(join(otherVolume, 'agent.sock')));
    expect(lstatSync(join(volume, 'agent.sock')).ino).toBe(ino);
  });

  test('leaves nothing: its directories can be removed, and every descriptor is given back', async () => {
    node = await SocketNode.open();
    const before = directories();
    const pods: [TestPod, TestContainer][] = [];
    for (let count = 0; count < 5; count++) {
      const pod = await node.runtime.pod();
      await socketAt(await node.makeVolume(pod, 'podhand', count % 2 === 0 ? '' : 'Memory'));
      pods.push([pod, await pod.run({ name: 'main', command: ['/bin/sleep', '600'] })]);
      await socketAt(pod.socketDir);
    }
    expect(directories().length).toBeGreaterThanOrEqual(before.length + 10);
    for (const [pod, main] of pods) await node.removePod(pod, [main]);
    await eventually(async () => directories().length === before.length);
    expect(await node.agent.metric('podhand_sockets')).toBe(0);
    expect(readdirSync(join(node.directory, 'run/pods'))).toEqual([]);
  });
});

describe('a restart of the agent', () => {
  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'by %s: sockets are back in the same place, and a client reconnects',
    async (signal) => {
      node = await SocketNode.open();
      const pod = await node.runtime.pod();
      const volume = await node.makeVolume(pod);
      await socketAt(volume);
      const main = await pod.run({ name: 'main', command: ['/bin/sleep', '600'] });
      const asking = node.ask(pod, ['wait', 'main']);
      await eventually(async () => (await node.agent.metric('podhand_waits')) === 1);
      await node.agent.end(signal);
      // What a killed agent leaves, and what one that stops in order removes.
      expect(isSocket(join(volume, 'agent.sock'))).toBe(signal === 'SIGKILL');
      await node.startAgent();
      await socketAt(pod.socketDir);
      await eventually(async () => (await node.agent.metric('podhand_waits')) === 1);
      await main.signal('SIGKILL');
      expect(await asking).toMatchObject({ exitCode: 0 });
      expect(await node.agent.metric('podhand_socket_obstructions_total')).toBe(0);
    },
  );

  test('a second agent does not take the place of one that lives', async () => {
    node = await SocketNode.open();
    const pod = await node.runtime.pod();
    const volume = await node.makeVolume(pod);
    await socketAt(volume);
    const { ino } = lstatSync(join(volume, 'agent.sock'));
    const second = await node.anotherAgent();
    await eventually(async () => (await second.metric('podhand_socket_obstructions_total', 'obstacle="socket"')) > 0);
    expect(lstatSync(join(volume, 'agent.sock')).ino).toBe(ino);
    await node.agent.end('SIGKILL');
    await eventually(async () => (await second.metric('podhand_sockets_made_total', 'place="emptyDir"')) === 1);
    await second.end('SIGTERM');
    expect(existsSync(join(volume, 'agent.sock'))).toBe(false);
  });
});
