import { lstatSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../conformance/subject.ts';
import { AgentProcess } from '../node/agent-process.ts';
import { type Engine, startEngine } from '../node/docker-engine.ts';
import { DockerRuntime } from '../node/docker-runtime.ts';
import { unmountBelow } from '../node/mounts.ts';
import { must } from '../node/processes.ts';

let engine: Engine;
let runtime: DockerRuntime;
let agent: AgentProcess;
let directory: string;

beforeAll(async () => {
  engine = await startEngine();
  directory = mkdtempSync(join(tmpdir(), 'podhand-sockets-'));
  const kubeletDir = join(directory, 'kubelet');
  mkdirSync(join(kubeletDir, 'pods'), { recursive: true });
  runtime = await DockerRuntime.open(engine.docker, { kubeletDir, socketsDir: join(directory, 'run/pods') });
  agent = await AgentProcess.start(directory, [
    'containerRuntimeExecutor=docker',
    `docker.socket=${engine.socketPath}`,
    `runDir=${directory}/run`,
    `kubelet.directory=${kubeletDir}`,
  ]);
});
afterAll(async () => {
  await agent?.end('SIGTERM');
  await runtime?.close();
  await engine?.close();
  await unmountBelow(directory);
  rmSync(directory, { recursive: true, force: true });
});

test.each(['disk', 'memory'])('a container of Docker calls by an emptyDir on %s', async (medium) => {
  const pod = await runtime.pod({ sandbox: true });
  const volume = await pod.volumeDir('podhand');
  if (medium === 'memory') await must(['mount', '-t', 'tmpfs', '-o', 'mode=777', 'tmpfs', volume]);
  await eventually(async () => lstatSync(join(volume, 'agent.sock'), { throwIfNoEntry: false })?.isSocket() === true);
  const first = await pod.run({
    name: 'first',
    image: 'node',
    user: '1234',
    command: ['/usr/bin/node', '/podhand/bin/podhand', 'info', '-o', 'json'],
    volumes: [{ volume: 'podhand', mountPath: '/run/podhand' }],
    checkout: true,
  });
  expect(await first.exited()).toEqual({ exitCode: 0 });
  const said = await engine.docker.getContainer(first.id).logs({ stdout: true });
  expect(said.toString()).toContain(pod.uid);
  expect(said.toString()).toContain('"callerContainer": "first"');
});
