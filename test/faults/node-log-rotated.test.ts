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
const line = (at: number) => `line ${at} ${padding}\n`;

/** dockerd rotates at once, a kubelet on CRI every ten seconds. */
describe.each(['docker', 'containerd'] as const)('the node rotates a followed log, %s', (runtime) => {
  let opened: OpenedCluster;
  beforeAll(async () => {
    opened = await openCluster(runtime, { name: `rotates-${runtime}`, logFileKiB: 64 });
  });
  afterAll(async () => await opened?.close());

  test('pns gives each line once, in order; a kubelet gives the present file, and LOG_LOST says where that is not all', async () => {
    const agents = await Promise.all([
      ClusterAgent.start(opened, 'pns', ['pns.podSource=kubelet']),
      ClusterAgent.start(opened, 'kubelet'),
      ClusterAgent.start(opened, 'k8sapi'),
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
      expect(pns).toEqual({ whole: last, rest: '' });
      for (const { whole, rest, reason } of others) {
        expect(rest).toBe('');
        if (reason === undefined) expect(whole).toBe(last);
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

/** How many lines it gave from the first on, each once and in order, and what came that is none of these. */
async function followed(agent: ClusterAgent, pod: TestPod): Promise<{ whole: number; rest: string; reason?: Reason }> {
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
  const wrong = lines.findIndex((each, at) => each !== line(at + 1));
  const whole = wrong === -1 ? lines.length : wrong;
  return { whole, rest: lines.slice(whole).join('').slice(0, 300), ...(reason !== undefined && { reason }) };
}
