import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutorClient } from '../../src/client/executor-client.ts';
import type { ClusterAgent } from '../../test/faults/cluster-agent.ts';
import type { TestContainer, TestPod } from '../../test/node/pods.ts';
import type { Journal } from './journal.ts';
import { podCaller } from './pod-callers.ts';

const roundEveryMs = 60_000;
const container = 'main';
const outputPath = '/outputs/result';
const outputBytes = 65_536;

/** Until then, or until the signal. */
export async function pause(ms: number, until: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: until }).catch(() => undefined);
}

/**
 * What a pod that stays does, and asks: a Wait and a followed log all the time, and in rounds what changes nothing. Pods that
 * come and go are killed. SaveArtifact wants a caller with a root of its own, ResolveEntrypoint an image store.
 */
export const workOf = {
  script: `head -c ${outputBytes} /dev/zero > ${outputPath}
i=0; while :; do i=$((i+1)); echo line $i; sleep 5; done`,

  async pod(
    agent: ClusterAgent,
    pod: TestPod,
    main: TestContainer,
    journal: Journal,
    until: AbortSignal,
  ): Promise<void> {
    const { client, close } = await podCaller(agent, pod, main);
    const failed = (what: string) => (error: unknown) => {
      if (!until.aborted) journal.failed(`${agent.executor} ${pod.name} ${what}`, error);
    };
    await Promise.all([
      waits(client, until).catch(failed('wait')),
      follows(client, until).catch(failed('logs')),
      rounds(client, journal, until, failed('round')),
    ]);
    await close();
  },
};

async function waits(client: ExecutorClient, signal: AbortSignal): Promise<void> {
  for await (const { result } of client.wait({ containers: [container] }, { signal })) {
    if (result) throw new Error('it was told of an end that was none');
  }
  if (!signal.aborted) throw new Error('it ended');
}

/** Each line once, in order, for as long as it goes on. */
async function follows(client: ExecutorClient, signal: AbortSignal): Promise<void> {
  let rest = '';
  let expected: number | undefined;
  for await (const { chunk } of client.streamLogs({ container, follow: true, untilKnown: true }, { signal })) {
    const lines = `${rest}${chunk?.data.toString() ?? ''}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const number = Number(line.replace('line ', ''));
      if (number !== (expected ?? number)) throw new Error(`"${line}" came where ${expected} was to come`);
      expected = number + 1;
    }
  }
  if (!signal.aborted) throw new Error('it ended');
}

async function rounds(
  client: ExecutorClient,
  journal: Journal,
  signal: AbortSignal,
  failed: (error: unknown) => void,
): Promise<void> {
  await pause(Math.random() * roundEveryMs, signal);
  while (!signal.aborted) {
    const done = await round(client, signal).then(() => true, failed);
    if (done === true) journal.rounds += 1;
    await pause(roundEveryMs, signal);
  }
}

async function round(client: ExecutorClient, signal: AbortSignal): Promise<void> {
  const { capabilities } = await client.getInfo({ signal });
  const { containers } = await client.listContainers({ signal });
  if (containers.length !== 1) throw new Error(`${containers.length} containers were listed`);
  let lines = 0;
  for await (const { chunk } of client.streamLogs({ container, tailLines: 5 }, { signal }))
    lines += chunk?.data.toString().split('\n').length ?? 0;
  if (lines === 0) throw new Error('no line was read');
  let bytes = 0;
  for await (const { chunk } of client.readFile({ container, path: outputPath }, { signal }))
    bytes += chunk?.length ?? 0;
  if (bytes !== outputBytes) throw new Error(`${bytes} bytes were read`);
  if (capabilities.some(({ name, supported }) => name === 'stats' && supported)) {
    let told = 0;
    for await (const { stats } of client.watchStats({ once: true }, { signal })) told += stats.length;
    if (told !== 1) throw new Error(`figures of ${told} containers were told`);
  }
  await collected(client, signal);
}

/** The output as tar: 64 KiB of it at least. */
export async function collected(client: ExecutorClient, signal: AbortSignal): Promise<void> {
  let bytes = 0;
  const request = { container, path: outputPath, format: 'ARCHIVE_FORMAT_TAR' } as const;
  for await (const { chunk } of client.collectArtifact(request, { signal })) bytes += chunk?.length ?? 0;
  if (bytes < outputBytes) throw new Error(`${bytes} bytes were collected`);
}
