import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PodhandError, type Reason } from '../../src/wire/errors.ts';
import { openCluster } from '../conformance/cluster-flavours.ts';
import type { TestPod } from '../node/pods.ts';
import { ClusterAgent, type OpenedCluster } from './cluster-agent.ts';

const rotations = 3;
const padding = 'x'.repeat(80);
const script = `
i=0
trap "exit 0" TERM
while :; do
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do i=$((i+1)); echo "line $i ${padding}"; done
  sleep 0.1
done`;

/** dockerd rotates at once, a kubelet on CRI every ten seconds. */
describe.each(['docker', 'containerd'] as const)('the node rotates a followed log, %s', (runtime) => {
  let opened: OpenedCluster;
  beforeAll(async () => {
    opened = await openCluster(runtime, { name: `rotates-${runtime}`, logFileKiB: 64 });
  });
  afterAll(async () => await opened?.close());

  // A kubelet that goes over to the new file leaves lines out, to `kubectl logs -f` as well, each follower others of them;
  // dockerd gives lines of it twice, to `docker logs -f` as well.
  test('pns gives each line; what comes by kubelet or engine is in order, nothing twice, and to the end, or LOG_LOST says so', async () => {
    const agents = await Promise.all([
      ClusterAgent.start(opened, 'pns', ['pns.podSource=kubelet']),
      ClusterAgent.start(opened, 'kubelet'),
      ClusterAgent.start(opened, 'k8sapi'),
      ...(runtime === 'docker' ? [ClusterAgent.start(opened, 'docker', ['docker.logs=engine'])] : []),
    ]);
    try {
      const pod = await opened.runtime.pod();
      const main = await pod.run({ name: 'main', command: ['/bin/sh', '-c', script] });
      for (const agent of agents) await agent.known(pod);
      const following = agents.map((agent) => followed(agent, pod));
      await untilRotated(await main.logPath());
      await main.signal('SIGTERM');
      const [pns, ...others] = await Promise.all(following);
      const last = lastLine(await main.logPath());
      expect(pns).toEqual({ count: last, last, wrong: [] });
      for (const { last: lastGiven, wrong, reason } of others) {
        expect(wrong).toEqual([]);
        if (reason === undefined) expect(lastGiven).toBe(last);
        else expect(reason).toBe('LOG_LOST');
      }
    } finally {
      for (const agent of agents) await agent.close();
    }
  }, 180_000);
});

/** Until another file has been at the place of the log that many times. */
async function untilRotated(path: string): Promise<void> {
  const inodes = new Set<number>();
  const seen = () => {
    try {
      inodes.add(statSync(realpathSync(path)).ino);
    } catch {
      // Between the one and the other there is none.
    }
    return inodes.size;
  };
  const options = { timeout: 120_000, interval: 50, message: `files at ${path}` };
  await expect.poll(seen, options).toBeGreaterThan(rotations);
}

/** The number of the last line that the node has of it, whose file may just have been begun. */
function lastLine(path: string): number {
  const file = realpathSync(path);
  const older = readdirSync(dirname(file)).filter(
    (name) => name.startsWith(`${basename(file)}.`) && !name.endsWith('.gz'),
  );
  const texts = [file, ...older.map((name) => join(dirname(file), name))].map((each) => readFileSync(each, 'utf8'));
  return Math.max(...texts.flatMap((text) => [...text.matchAll(/line (\d+) x/g)].map(([, at]) => Number(at))));
}

interface Followed {
  readonly count: number;
  /** Number of the last line. */
  readonly last: number;
  /** Lines that are not as they were written, or not after the one before them. */
  readonly wrong: readonly string[];
  /** Why it ended early. */
  readonly reason?: Reason;
}

async function followed(agent: ClusterAgent, pod: TestPod): Promise<Followed> {
  const chunks: Buffer[] = [];
  let reason: Reason | undefined;
  try {
    for await (const { chunk } of agent.client(pod).streamLogs({ container: 'main', follow: true, untilKnown: true }))
      if (chunk) chunks.push(chunk.data);
  } catch (error) {
    if (!(error instanceof PodhandError)) throw error;
    reason = error.reason;
  }
  const lines = Buffer.concat(chunks)
    .toString()
    .split(/(?<=\n)/);
  const numbers = lines.map((each) => Number(new RegExp(`^line (\\d+) ${padding}\n$`).exec(each)?.[1]));
  const wrong = lines.filter((_, at) => !((numbers[at] ?? 0) > (numbers[at - 1] ?? 0)));
  return { count: lines.length, last: numbers.at(-1) ?? 0, wrong, ...(reason !== undefined && { reason }) };
}
