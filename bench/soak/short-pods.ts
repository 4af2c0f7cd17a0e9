import type { ExecutorClient } from '../../src/client/executor-client.ts';
import type { ClusterAgent, OpenedCluster } from '../../test/faults/cluster-agent.ts';
import type { Journal } from './journal.ts';
import { type PodCaller, podCaller } from './pod-callers.ts';
import { collected, pause } from './work.ts';

const lines = 200;
const pauseMs = 5000;
const container = 'main';

/** Pods that come, are asked for everything, end with exit code 3 and go, one after the other. */
export async function shortPods(
  opened: OpenedCluster,
  agents: readonly ClusterAgent[],
  journal: Journal,
  until: AbortSignal,
): Promise<void> {
  while (!until.aborted) {
    const pod = await opened.runtime.pod();
    const script = `head -c 65536 /dev/zero > /outputs/result
for i in $(seq ${lines}); do echo line $i; done
trap "exit 3" TERM; sleep 600 & wait`;
    const volumes = [{ volume: 'outputs', mountPath: '/outputs' }];
    const callers: PodCaller[] = [];
    try {
      // With a container's end a runtime ends what else is in its cgroup.
      const caller = await pod.run({ name: 'caller', command: ['sleep', '86400'], start: false });
      await pod.run({ name: container, command: ['/bin/sh', '-c', script], volumes });
      await caller.start();
      for (const agent of agents) {
        await agent.known(pod);
        callers.push(await podCaller(agent, pod, caller));
      }
      const clients = callers.map(({ client }) => client);
      await wholeLife(clients, until);
      journal.ended += 1;
    } catch (error) {
      if (!until.aborted) journal.failed(`a short pod, ${pod.name}`, error);
    }
    for (const caller of callers) await caller.close();
    await pod.remove();
    await pause(pauseMs, until);
  }
}

async function wholeLife(clients: readonly ExecutorClient[], signal: AbortSignal): Promise<void> {
  const lives = clients.map((client) => new Life(client, signal));
  const ends = Promise.all(lives.map((life) => life.ended));
  await Promise.race([ends, Promise.all(lives.map((life) => life.printed))]);
  // With the container's end its volume goes: both have to have it before.
  for (const client of clients) await collected(client, signal);
  await Promise.all(clients.map((client) => client.kill({ containers: [container] }, { signal })));
  await ends;
}

/** One agent's view of the pod: its log and its exit code. */
class Life {
  /** Once the last line was read. */
  readonly printed: Promise<void>;
  readonly ended: Promise<unknown>;
  readonly #client: ExecutorClient;

  constructor(client: ExecutorClient, signal: AbortSignal) {
    this.#client = client;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.printed = promise;
    this.ended = Promise.all([this.#log(resolve, signal), this.#exit(signal)]);
  }

  async #log(whole: () => void, signal: AbortSignal): Promise<void> {
    let text = '';
    const request = { container, follow: true, untilKnown: true };
    for await (const { chunk } of this.#client.streamLogs(request, { signal })) {
      text += chunk?.data.toString() ?? '';
      if (text.endsWith(`line ${lines}\n`)) whole();
    }
    const count = text.split('\n').length - 1;
    if (count !== lines) throw new Error(`${count} lines of ${lines}`);
  }

  async #exit(signal: AbortSignal): Promise<void> {
    const codes: unknown[] = [];
    for await (const { result } of this.#client.wait({ containers: [container], untilKnown: true }, { signal }))
      for (const record of result?.records ?? []) codes.push(record.exitKnown ? record.exitCode : 'unknown');
    if (codes.join() !== '3') throw new Error(`exit codes ${codes.join()} in place of 3`);
  }
}
