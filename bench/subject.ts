import type Docker from 'dockerode';
import type { AgentProcess } from '../demo/agent-process.ts';
import type { ExecutorClient } from '../src/client/executor-client.ts';
import type { TestRuntime } from '../test/node/pods.ts';

export interface BenchSubject {
  readonly docker: Docker;
  readonly runtime: TestRuntime;
  readonly agent: AgentProcess;
  /** A client that asks about one pod, by uid. */
  clientOf(pod: string): ExecutorClient;
}

/** Until the agent knows the pod. */
export async function known(client: ExecutorClient, name: string): Promise<void> {
  for (;;) {
    const list = await client.listContainers().catch(() => undefined);
    if (list?.containers.some((container) => container.name === name && container.state !== 'CONTAINER_STATE_WAITING'))
      return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}
