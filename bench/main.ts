// npm run bench: podhand beside its peers, in one run, as ratios. Needs root; brings up what `npm test` brings up.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentProcess } from '../demo/agent-process.ts';
import type { DemoNode } from '../demo/node.ts';
import { ExecutorClient } from '../src/client/executor-client.ts';
import { startEngine } from '../test/node/docker-engine.ts';
import { DockerRuntime } from '../test/node/docker-runtime.ts';
import { benchLogs } from './logs.ts';
import { benchTar } from './tar.ts';
import { benchUnary } from './unary.ts';
import { benchManyWaits, benchWait } from './wait.ts';

const engine = await startEngine();
const runtime = await DockerRuntime.open(engine.docker);
const { DockerRootDir } = await engine.docker.info();
const limits = [
  'fileBytes=8Gi',
  'treeBytes=8Gi',
  'treeEntries=1000000',
  'streamsPerPod=1000',
  'callsPerSecondPerPod=1000000',
  'callBurstPerPod=1000000',
];
const settings = [
  `docker.socket=${engine.socketPath}`,
  `docker.containersDir=${DockerRootDir}/containers`,
  'pns.podSource=docker',
  ...limits.map((limit) => `limits.${limit}`),
];
try {
  for (const executor of ['docker', 'pns'] as const) {
    console.log(`\n${executor} executor`);
    const node: DemoNode = { runtime, executor, settings, close: async () => undefined };
    const directory = mkdtempSync(join(tmpdir(), 'podhand-bench-'));
    const agent = await AgentProcess.start(node, directory);
    const clientOf = (pod: string) => new ExecutorClient({ socketPath: agent.adminSocket, pod });
    try {
      const subject = { docker: engine.docker, runtime, agent, clientOf };
      await benchWait(subject);
      await benchManyWaits(subject);
      await benchLogs(subject);
      await benchTar(subject);
      if (executor === 'docker') await benchUnary(subject);
    } catch (error) {
      console.error(`the agent's log:\n${agent.logTail()}`);
      throw error;
    } finally {
      await agent.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  }
} finally {
  await runtime.close();
  await engine.close();
}
