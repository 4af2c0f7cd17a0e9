import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../conformance/subject.ts';
import { must } from '../node/processes.ts';
import { AgentNode } from './agent-node.ts';

let node: AgentNode;
let state: string;
beforeAll(async () => {
  node = await AgentNode.open();
  state = join(node.directory, 'state');
  mkdirSync(state);
  await must(['mount', '-t', 'tmpfs', '-o', 'size=256k', 'podhand-test', state]);
  await node.start();
});
afterAll(async () => {
  await node?.agent.end('SIGTERM');
  if (state !== undefined) await must(['umount', state]);
  await node?.close();
});

const ballast = () => join(state, 'ballast');

/** Every block of the state directory's file system. */
function fill(): void {
  const { bavail, bsize } = statfsSync(state);
  writeFileSync(ballast(), Buffer.alloc(bavail * bsize));
}

async function recordOf(name: string) {
  const pod = await node.runtime.pod();
  await pod.run({ name, command: ['/bin/sh', '-c', 'exit 6'] });
  let record: unknown;
  for await (const { result } of node.client(pod).wait({ containers: [name], untilKnown: true })) record = result;
  return { pod, record, file: join(state, 'records', pod.uid, `${name}-0.json`) };
}

test('of the state directory: the answer is right, the log says so, and the record is written once there is space', async () => {
  fill();
  const { pod, record, file } = await recordOf('main');
  expect(record).toMatchObject({ records: [{ exitKnown: true, exitCode: 6, notKept: 'ENOSPC' }] });
  await eventually(async () => node.agent.logged('final record not written').length > 0);
  expect(node.agent.logged('final record not written')).toMatchObject([{ container: 'main' }]);
  expect(() => readFileSync(file)).toThrow(/ENOENT/);
  rmSync(ballast());
  await eventually(async () => node.agent.logged('final record written after all').length === 1);
  await eventually(async () => existsSync(file));
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ exitCode: 6 });
  expect(readdirSync(join(state, 'records', pod.uid))).toEqual(['main-0.json']);
  const next = await recordOf('next');
  await eventually(async () => existsSync(next.file));
  expect(JSON.parse(readFileSync(next.file, 'utf8'))).toMatchObject({ exitCode: 6 });
});

test.each(['raw', 'tgz'])('of the caller’s volume, %s: a clear error, and nothing half-made', async (format) => {
  const pod = await node.runtime.pod();
  const outputs = await pod.volumeDir('outputs');
  await must(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'podhand-test', outputs]);
  await pod.run({ name: 'main', command: ['/bin/sh', '-c', 'head -c 4000000 /dev/urandom > /big; exec sleep 600'] });
  const saving = await pod.run({
    name: 'saves',
    image: 'node',
    command: ['/usr/bin/node', '/podhand/bin/podhand', 'save', 'main:/big', '/outputs/big', '--format', format],
    volumes: [{ volume: 'outputs', mountPath: '/outputs' }],
    socketDir: true,
    checkout: true,
  });
  expect(await saving.exited()).toEqual({ exitCode: 64 });
  let said = '';
  for await (const { chunk } of node.client(pod).streamLogs({ container: 'saves' })) said += chunk?.data ?? '';
  expect(said).toContain('NO_SPACE');
  expect(readdirSync(outputs)).toEqual([]);
  expect(node.agent.alive).toBe(true);
});
