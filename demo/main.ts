// npm run demo: one pod with a main container, a sidecar and podhand's collect, on real containers where Docker answers,
// on plain namespaces where it does not. Sets up what it needs and leaves nothing behind.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { AgentProcess, settingsOn } from '../test/node/agent-process.ts';
import { removeEmptyDirs } from '../test/node/leftovers.ts';
import type { TestContainer, TestPod, TestRuntime } from '../test/node/pods.ts';
import { openNode } from './node.ts';
import { podhand } from './podhand.ts';
import { main as mainProgram, sidecar as sidecarProgram, spec } from './programs.ts';

const say = (line: string) => console.log(`\n== ${line}`);

async function run(): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Error('the demo needs Linux and root: it runs real containers and an agent with the rights of a node');
  }
  const closers: (() => unknown)[] = [];
  let stopping = false;
  const close = async () => {
    if (stopping) return;
    stopping = true;
    for (const closer of closers.reverse()) await closer();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void close().then(() => process.exit(130)));
  }
  try {
    closers.push(removeEmptyDirs);
    const node = await openNode();
    closers.push(() => node.close());
    say(
      `containers: ${node.runtime.name === 'docker' ? 'Docker' : 'plain namespaces, no Docker needed'}; executor: ${node.executor}`,
    );
    const directory = mkdtempSync(join(tmpdir(), 'podhand-demo-'));
    closers.push(() => rmSync(directory, { recursive: true, force: true }));
    const agent = await AgentProcess.start(directory, [...settingsOn(node.runtime, node.executor), ...node.settings]);
    closers.push(() => agent.end('SIGTERM'));
    const adminSocket = join(dirname(node.runtime.socketsDir), 'admin.sock');
    say(`the agent is up: ${adminSocket}`);
    await mainJob(node.runtime, adminSocket).catch((error: unknown) => {
      console.error(`\nthe agent's log:\n${agent.logTail()}`);
      throw error;
    });
    if (!agent.alive) throw new Error(`the agent has ended\n${agent.logTail()}`);
  } finally {
    await close();
  }
  say('done; the pod, the agent and their files are gone');
}

async function mainJob(runtime: TestRuntime, adminSocket: string): Promise<void> {
  const pod = await runtime.pod({ name: 'demo' });
  try {
    const outputs = await pod.volumeDir('outputs');
    writeFileSync(join(outputs, 'spec.yaml'), spec);
    const sidecar = await start(pod, 'sidecar', sidecarProgram);
    const collect = await pod.run({
      name: 'collect',
      image: 'node',
      command: ['/usr/bin/node', '/podhand/bin/podhand', 'collect', '-f', '/outputs/spec.yaml'],
      volumes: [{ volume: 'outputs', mountPath: '/outputs' }],
      socketDir: true,
      checkout: true,
    });
    say(`pod ${pod.namespace}/${pod.name}: the logs of main, live`);
    await start(pod, 'main', mainProgram);
    const admin = ['--admin', '--socket', adminSocket, '--pod', pod.uid];
    await podhand(...admin, 'logs', '-f', 'main', '--until-known');
    const { exitCode } = await collect.exited();
    await show(pod, collect, outputs, admin, exitCode);
    await sidecar.exited();
  } finally {
    await pod.remove();
  }
}

function start(pod: TestPod, name: string, script: string): Promise<TestContainer> {
  return pod.run({ name, command: ['/bin/sh', '-c', script] });
}

async function show(
  pod: TestPod,
  collect: TestContainer,
  outputs: string,
  admin: string[],
  exitCode: number,
): Promise<void> {
  if (exitCode !== 0) {
    await podhand(...admin, 'logs', 'collect');
    throw new Error(`collect ended with ${exitCode}`);
  }
  say(
    'collect (inside the pod, with nothing but the socket) took its result, a parameter and a base-layer artifact of the ended container:',
  );
  console.log(readFileSync(join(outputs, 'outputs.json'), 'utf8'));
  say('the pod as the agent knows it, with final records');
  await podhand(...admin, 'ps');
  await podhand(...admin, 'ps', '-o', 'json');
  say(
    `where everything was: the pod's volume ${outputs} (gone with the pod), container ${collect.id.slice(0, 12)} of pod ${pod.uid}`,
  );
}

await run();
