import Docker from 'dockerode';
import { findEngine } from '../test/node/docker-engine.ts';
import { DockerRuntime } from '../test/node/docker-runtime.ts';
import { NamespaceRuntime } from '../test/node/namespace-runtime.ts';
import type { TestRuntime } from '../test/node/pods.ts';

/** Where the demo's pod runs, and with which executor and settings the agent serves it. */
export interface DemoNode {
  readonly runtime: TestRuntime;
  readonly executor: 'docker' | 'pns';
  readonly settings: string[];
  close(): Promise<void>;
}

/** Docker where its socket answers, plain namespaces where it does not. */
export async function openNode(): Promise<DemoNode> {
  const socketPath = await findEngine();
  if (socketPath !== undefined) {
    const runtime = await DockerRuntime.open(new Docker({ socketPath }));
    return { runtime, executor: 'docker', settings: [`docker.socket=${socketPath}`], close: () => runtime.close() };
  }
  const runtime = await NamespaceRuntime.open();
  const settings = [`nodeLogs.podsDir=${runtime.logDir}/pods`, `nodeLogs.containersDir=${runtime.logDir}/containers`];
  return { runtime, executor: 'pns', settings, close: () => runtime.close() };
}
