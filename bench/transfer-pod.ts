import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutorClient } from '../src/client/executor-client.ts';
import type { TestContainer, TestPod } from '../test/node/pods.ts';
import { type BenchAgent, executors, known, type Stand } from './stand.ts';

/** A pod with agents of both executors: a main container, and one that calls and has a volume and both sockets. */
export interface TransferPod {
  readonly pod: TestPod;
  readonly main: TestContainer;
  readonly caller: TestContainer;
  readonly agents: Readonly<Record<'docker' | 'pns', BenchAgent>>;
  readonly clients: Readonly<Record<'docker' | 'pns', ExecutorClient>>;
  close(): Promise<void>;
}

/** Resolves once `/ready` is in the main container, whose shell runs `script` first. */
export async function transferPod(stand: Stand, script: string): Promise<TransferPod> {
  const agents = { docker: await stand.agent('docker'), pns: await stand.agent('pns') };
  const pod = await stand.runtime.pod();
  const main = await pod.run({
    name: 'main',
    command: ['/bin/sh', '-c', `set -e; ${script}; touch /ready; exec sleep 3600`],
  });
  const caller = await pod.run({
    name: 'caller',
    image: 'node',
    command: ['/bin/sleep', '3600'],
    checkout: true,
    volumes: [
      { volume: 'outputs', mountPath: '/outputs' },
      ...executors.map((executor) => ({
        volume: `socket-${executor}`,
        mountPath: `/sockets/${executor}`,
        kind: 'hostPath' as const,
        hostPath: stand.socketDir(executor, pod.uid),
      })),
    ],
  });
  const clients = { docker: agents.docker.clientOf(pod.uid), pns: agents.pns.clientOf(pod.uid) };
  for (const executor of executors) for (const name of ['main', 'caller']) await known(clients[executor], name);
  while ((await main.exec(['ls', '/ready'])).exitCode !== 0) await sleep(200);
  return {
    pod,
    main,
    caller,
    agents,
    clients,
    close: async () => {
      for (const client of Object.values(clients)) client.close();
      await pod.remove();
      for (const agent of Object.values(agents)) await agent.stop();
    },
  };
}

/** Runs a script of bench/in-pod in a container; gives the JSON that it prints. */
export async function inPod<Answer>(container: TestContainer, script: string, ...args: string[]): Promise<Answer> {
  const command = ['/usr/bin/node', `/podhand/bench/in-pod/${script}.ts`, ...args];
  const { exitCode, stdout, stderr } = await container.exec(command);
  if (exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${exitCode}:\n${stdout}${stderr}`);
  return JSON.parse(stdout.toString());
}
