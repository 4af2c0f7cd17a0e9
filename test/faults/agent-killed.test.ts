import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../conformance/subject.ts';
import type { TestPod } from '../node/pods.ts';
import { AgentNode } from './agent-node.ts';

let node: AgentNode;
beforeAll(async () => {
  node = await AgentNode.open();
  await node.start();
});
afterAll(async () => await node?.close());

async function sh(pod: TestPod, name: string, script: string) {
  return await pod.run({ name, command: ['/bin/sh', '-c', script] });
}

test('in the middle of Wait, the container ending while nobody is there', async () => {
  const pod = await node.runtime.pod();
  const main = await sh(pod, 'main', 'while [ ! -e /go ]; do sleep 0.05; done; exit 7');
  const waiting = last(node.client(pod).wait({ containers: ['main'], untilKnown: true }));
  await eventually(async () => (await node.agent.metric('podhand_waits')) === 1);
  await node.agent.end('SIGKILL');
  await main.exec(['touch', '/go']);
  await main.exited();
  await node.start();
  expect((await waiting)?.result?.records).toMatchObject([{ exitKnown: true, exitCode: 7, restartCount: 0 }]);
});

test('in the middle of a followed log: each line once, in order', async () => {
  const pod = await node.runtime.pod();
  await sh(pod, 'main', 'for i in $(seq 1 400); do echo line $i; sleep 0.01; done');
  let text = '';
  let kills = 0;
  for await (const { chunk } of node.client(pod).streamLogs({ container: 'main', follow: true, untilKnown: true })) {
    text += chunk?.data.toString() ?? '';
    if (kills < 2 && text.length > 500 * (kills + 1)) {
      kills += 1;
      await node.killAndStart();
    }
  }
  expect(kills).toBe(2);
  expect(text).toBe(Array.from({ length: 400 }, (_, at) => `line ${at + 1}\n`).join(''));
});

test('in the middle of CollectArtifact: an error, never a clean end', async () => {
  const pod = await node.runtime.pod();
  const main = await sh(pod, 'main', 'head -c 300000000 /dev/zero > /big; touch /made; exec sleep 600');
  await eventually(async () => (await main.exec(['ls', '/made'])).exitCode === 0);
  const stream = node.client(pod).collectArtifact({ container: 'main', path: '/big', format: 'ARCHIVE_FORMAT_RAW' });
  let killed: Promise<void> | undefined;
  let size = 0;
  const read = async () => {
    for await (const { chunk } of stream) {
      size += chunk?.length ?? 0;
      if (size > 10_000_000) killed ??= node.agent.end('SIGKILL');
    }
  };
  await expect(read()).rejects.toMatchObject({ reason: 'AGENT_UNREACHABLE' });
  expect(size).toBeLessThan(300_000_000);
  await killed;
  await node.start();
});

test('in the middle of SaveArtifact: the client calls again; the file is whole, and nothing else is left', async () => {
  const pod = await node.runtime.pod();
  const outputs = await pod.volumeDir('outputs');
  const main = await sh(
    pod,
    'main',
    'mkdir /tree; for i in $(seq 1 20000); do echo $i > /tree/$i; done; touch /made; exec sleep 600',
  );
  await eventually(async () => (await main.exec(['ls', '/made'])).exitCode === 0);
  const saving = await pod.run({
    name: 'saves',
    image: 'node',
    command: ['/usr/bin/node', '/podhand/bin/podhand', 'save', 'main:/tree', '/outputs/tree', '--format', 'raw'],
    volumes: [{ volume: 'outputs', mountPath: '/outputs' }],
    socketDir: true,
    checkout: true,
  });
  // Its temporary name is there as soon as it writes.
  await eventually(async () => readdirSync(outputs).length > 0);
  await node.killAndStart();
  expect(await saving.exited()).toEqual({ exitCode: 0 });
  expect(readdirSync(outputs)).toEqual(['tree']);
  expect(readdirSync(join(outputs, 'tree'))).toHaveLength(20_000);
  const digest = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(outputs, 'tree', name)))
      .digest('hex');
  expect(digest('19999')).toBe(createHash('sha256').update('19999\n').digest('hex'));
});

test('in the grace period of Kill: the container is gone in the end, and the answer says so', async () => {
  const pod = await node.runtime.pod();
  const main = await sh(pod, 'main', 'trap "" TERM; echo ready; while :; do sleep 0.1; done');
  const client = node.client(pod);
  const log = client.streamLogs({ container: 'main', follow: true, untilKnown: true });
  await log.next();
  await log.return();
  const killing = client.kill({ containers: ['main'], gracePeriodMs: 3000 });
  await sleep(500);
  await node.killAndStart();
  expect((await killing).outcomes).toMatchObject([{ result: 'KILL_RESULT_FORCED', finalRecord: { exitCode: 137 } }]);
  expect(await main.exited()).toEqual({ exitCode: 137 });
});

test('records outlive it, and no unfinished one is left', async () => {
  const pod = await node.runtime.pod();
  await sh(pod, 'main', 'exit 4');
  const before = await last(node.client(pod).wait({ containers: ['main'], untilKnown: true }));
  await node.killAndStart();
  const after = await last(node.client(pod).wait({ containers: ['main'], untilKnown: true }));
  expect(after?.result).toEqual(before?.result);
  const records = join(node.directory, 'state/records', pod.uid);
  expect(existsSync(records) && readdirSync(records)).toEqual(['main-0.json']);
});

async function last<Item>(stream: AsyncIterable<Item>): Promise<Item | undefined> {
  let item: Item | undefined;
  for await (item of stream);
  return item;
}
