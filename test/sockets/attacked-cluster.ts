import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterRuntime as RuntimeName } from '../cluster/places.ts';
import { ClusterRuntime } from '../cluster/pods/cluster-runtime.ts';
import { eventually, of, type Subject } from '../conformance/subject.ts';
import { AgentProcess } from '../node/agent-process.ts';
import { connect, failure, unary } from '../rpc/agent-under-test.ts';
import { makeCanary } from './canary.ts';
import { clusterName, clusterSettings } from './cluster-settings.ts';

/** Where the sockets of the two pods come: `calm` is for what has to be said while the other two are under attack. */
export const attackedVolumes = { disk: 'podhand', memory: 'podhand-memory' } as const;
export const calmVolume = 'podhand-calm';

/** An agent in a process of its own on a real cluster, which can be killed at any moment. */
export interface AttackedCluster extends Subject {
  readonly kubeletDir: string;
  /** What nobody may change, on the node. */
  readonly outside: string;
  agent(): AgentProcess;
  killAgentAndStart(): Promise<void>;
}

export async function openAttackedCluster(runtime: RuntimeName, executor: 'docker' | 'pns'): Promise<AttackedCluster> {
  const cluster = await Cluster.up({ runtime, name: clusterName(runtime) });
  const pods = await ClusterRuntime.open(cluster);
  const runDir = dirname(pods.socketsDir);
  const directory = mkdtempSync(join(tmpdir(), 'podhand-attacked-'));
  mkdirSync(runDir, { recursive: true });
  const outside = join(runDir, 'outside');
  makeCanary(outside);
  const settings = [
    ...clusterSettings(cluster, executor),
    `runDir=${runDir}`,
    `sockets.volumes=${[...Object.values(attackedVolumes), calmVolume].join(',')}`,
    'pods.forgetAfter=1s',
    'limits.callsPerSecondPerPod=100000',
    'limits.callBurstPerPod=100000',
  ];
  const start = () => AgentProcess.start(directory, settings);
  let agent = await start();
  const client = connect(`${runDir}/admin.sock`);
  const restart = async (signal: 'SIGTERM' | 'SIGKILL') => {
    await agent.end(signal);
    agent = await start();
  };
  return {
    runtime: pods,
    client,
    runDir,
    stateDir: `${directory}/state`,
    kubeletDir: cluster.kubeletDir,
    outside,
    get logLines() {
      return readFileSync(join(directory, 'agent.log'), 'utf8').split('\n');
    },
    agent: () => agent,
    pod: (options) => pods.pod(options),
    sh: async (pod, name, script, spec = {}) => {
      const started = await pod.run({ name, command: ['/bin/sh', '-c', script], ...spec });
      if (spec.start !== false)
        await eventually(async () => (await failure(unary(client, 'getInfo', {}, of(pod)))) === 'OK');
      return started;
    },
    restartAgent: () => restart('SIGTERM'),
    killAgentAndStart: () => restart('SIGKILL'),
    close: async () => {
      client.close();
      await agent.end('SIGTERM');
      await pods.close();
      await cluster.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
