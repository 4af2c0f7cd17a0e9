import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ExecutorClient } from '../../src/client/executor-client.ts';
import type { StreamLogsRequest } from '../../src/client/requests.ts';
import { AgentNode } from './agent-node.ts';
import { MovedClock } from './moved-clock.ts';

const day = 24 * 60 * 60;
const half = 150;
const soon = { timeout: 20_000 };

describe.each(['docker', 'pns'] as const)('the clock is set a day on and back, %s', (executor) => {
  let clock: MovedClock;
  let node: AgentNode;
  beforeAll(async () => {
    clock = await MovedClock.make();
    node = await AgentNode.open({ executor, env: clock.environment });
    await node.start();
  });
  afterEach(() => clock?.moveTo(0));
  afterAll(async () => {
    await node?.close();
    clock?.remove();
  });

  /** A pod whose container the agent knows to run. */
  async function sh(script: string) {
    const pod = await node.runtime.pod();
    const main = await pod.run({ name: 'main', command: ['/bin/sh', '-c', script] });
    const client = node.client(pod);
    const state = async () => (await client.listContainers().catch(() => undefined))?.containers[0]?.state;
    await expect.poll(state, soon).toBe('CONTAINER_STATE_RUNNING');
    return { client, main };
  }

  async function daysOff(client: ExecutorClient): Promise<number> {
    let seconds: number | undefined;
    for await (const { stats } of client.watchStats({ containers: ['main'], once: true }))
      seconds = Number(stats[0]?.time?.seconds) - Date.now() / 1000;
    // Not -0.
    return Math.round((seconds ?? Number.NaN) / day) + 0;
  }

  /** Moves the agent's clock, and sees that the agent has it so: its samples carry the time of day. */
  async function move(client: ExecutorClient, days: number): Promise<void> {
    clock.moveTo(days * day);
    await expect.poll(() => daysOff(client), { ...soon, message: 'days that the agent is off' }).toBe(days);
  }

  test.each([[[1]], [[-1]], [[1, -1, 0]]])('in the middle of Wait: %j', async (moves) => {
    const { client, main } = await sh('while [ ! -e /go ]; do sleep 0.05; done; exit 7');
    const waits = ['main', 'all'].map(async (which) => {
      let records: unknown;
      for await (const { result } of client.wait(which === 'all' ? {} : { containers: [which] }))
        records = result?.records;
      return records;
    });
    for (const days of moves) await move(client, days);
    await main.exec(['touch', '/go']);
    for (const records of await Promise.all(waits))
      expect(records).toMatchObject([{ exitKnown: true, exitCode: 7, restartCount: 0 }]);
  });

  test('in the middle of followed logs: each line once, in order, wherever they began', async () => {
    const talk = (pause: string) => `for i in $(seq ${half}); do n=$((n+1)); echo line $n; ${pause} done`;
    const { client, main } = await sh(
      `n=0; ${talk('sleep 0.02;')}; while [ ! -e /go ]; do sleep 0.05; done; ${talk('')}`,
    );
    const lines = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, at) => `line ${from + at}\n`).join('');
    const follow = (request: Partial<StreamLogsRequest>) => {
      const log = { text: '', cursors: [] as { cursor: Buffer; given: number }[], end: Promise.resolve() };
      log.end = (async () => {
        for await (const { chunk } of client.streamLogs({ container: 'main', follow: true, ...request })) {
          log.text += chunk?.data.toString() ?? '';
          if (chunk) log.cursors.push({ cursor: chunk.cursor, given: log.text.length });
        }
      })();
      return log;
    };
    const all = follow({});
    await expect.poll(() => all.text.length, soon).toBeGreaterThan(50);
    await move(client, 1);
    await expect.poll(() => all.text, soon).toBe(lines(1, half));
    await move(client, -1);
    let stamped = '';
    for await (const { chunk } of client.streamLogs({ container: 'main', timestamps: true }))
      stamped += chunk?.data.toString() ?? '';
    const since = new Date(stamped.split('\n')[49]?.split(' ')[0] ?? '');
    const place = all.cursors[Math.floor(all.cursors.length / 2)];
    const later = [follow({ tailLines: 5 }), follow({ since }), follow({ cursor: place?.cursor ?? Buffer.alloc(0) })];
    await expect.poll(() => later.every(({ text }) => text.endsWith(`line ${half}\n`)), soon).toBe(true);
    await move(client, 1);
    await main.exec(['touch', '/go']);
    clock.moveTo(0);
    for (const { end } of [all, ...later]) await end;
    const whole = lines(1, 2 * half);
    expect(all.text).toBe(whole);
    expect(later.map(({ text }) => text)).toEqual([
      lines(half - 4, 2 * half),
      lines(50, 2 * half),
      whole.slice(place?.given),
    ]);
  });

  test('in the middle of stats: what a busy container uses is a rate of the time that has passed', async () => {
    const { client } = await sh('while :; do :; done');
    const cores: (number | undefined)[] = [];
    const moves = [1, -1, 0];
    for await (const { stats } of client.watchStats({ containers: ['main'], intervalMs: 200 })) {
      cores.push(stats[0]?.cpuCores);
      // The next sample is the first after it.
      const days = moves.shift();
      if (days !== undefined) clock.moveTo(days * day);
      else if (cores.length > 4) break;
    }
    expect(cores[0]).toBeUndefined();
    // Of a busy machine it gets a share at least.
    for (const each of cores.slice(1)) expect(each).toBeGreaterThan(0.01);
    for (const each of cores.slice(1)) expect(each).toBeLessThan(4);
    expect(await daysOff(client)).toBe(0);
  });

  const trapped = (onTerm: string) => `trap "echo asked; ${onTerm}" TERM; echo ready; while :; do sleep 0.05; done`;

  test('in the grace period of Kill: a day on does not cut it', async () => {
    const { client, main } = await sh(trapped('while [ ! -e /go ]; do sleep 0.05; done; exit 5'));
    await said(client, 'ready');
    const killing = client.kill({ containers: ['main'], gracePeriodMs: 50_000 });
    await said(client, 'asked');
    await move(client, 1);
    await main.exec(['touch', '/go']);
    const { outcomes } = await killing;
    expect(outcomes).toMatchObject([{ result: 'KILL_RESULT_ENDED_IN_TIME', finalRecord: { exitCode: 5 } }]);
    expect(Number(outcomes[0]?.took?.seconds)).toBeLessThan(50);
  });

  test('in the grace period of Kill: a day back does not prolong it', async () => {
    const { client } = await sh(trapped(':'));
    await said(client, 'ready');
    const killing = client.kill({ containers: ['main'], gracePeriodMs: 5000 });
    await said(client, 'asked');
    await move(client, -1);
    const { outcomes } = await killing;
    expect(outcomes).toMatchObject([{ result: 'KILL_RESULT_FORCED', finalRecord: { exitCode: 137 } }]);
    expect(Number(outcomes[0]?.took?.seconds)).toBeGreaterThanOrEqual(5);
  });

  /** Until the container has written that. */
  async function said(client: ExecutorClient, what: string): Promise<void> {
    let text = '';
    for await (const { chunk } of client.streamLogs({ container: 'main', follow: true })) {
      text += chunk?.data.toString() ?? '';
      if (text.includes(what)) return;
    }
    throw new Error(`it has ended without ${what}: ${text}`);
  }
});
