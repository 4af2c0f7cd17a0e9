import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../conformance/subject.ts';
import { figure } from '../operations/scrape.ts';
import { type AgentUnderTest, startTestAgent } from '../rpc/agent-under-test.ts';
import { podA, podB } from '../rpc/scripted-executor.ts';
import { Attacker } from './attacker.ts';
import { cut, pieceSizes } from './bytes.ts';
import { broken, conversations, encoded } from './conversations.ts';
import { preface } from './frames.ts';
import { framed, RawCalls } from './raw-calls.ts';
import { patience, runs } from './runs.ts';

/** Connections that one run has at the same time; the runs of a usual test play some thousands. */
const atOnce = 16;
const usualRuns = 400;
/** A busy machine plays what it can in this time. */
const timeLimit = { interruptAfterTimeLimit: patience - 15_000 };
const leastPlayed = 500;

const paces = ['callsPerSecondPerPod', 'callBurstPerPod', 'connectionsPerSecondPerPod'];
const paceless = paces.map((name) => `limits.${name}=1000000`);

let agent: AgentUnderTest;
let metrics: string;
/** An exception that nobody caught: vitest tells it too, but not of which sequences it came. */
const thrown: unknown[] = [];
const note = (error: unknown) => void thrown.push(error);
beforeAll(async () => {
  metrics = `/tmp/podhand-sequences-${process.pid}.sock`;
  agent = await startTestAgent([
    'callers.witness=none',
    `metrics.listen=unix:${metrics}`,
    'limits.handshake=1s',
    ...paceless,
  ]);
  process.on('uncaughtExceptionMonitor', note);
});
afterAll(async () => {
  process.off('uncaughtExceptionMonitor', note);
  await agent?.close();
});

const socketOf = (pod: typeof podA) => `${agent.directory}/run/pods/${pod.uid}/agent.sock`;
/** Open connections, streams and waits. */
const left = async () =>
  await Promise.all(['connections', 'open_streams', 'waits'].map((name) => figure(metrics, `podhand_${name}`)));
const errors = () => agent.logLines.filter(({ level }) => Number(level) >= 50);
const answered = async () => (await figure(metrics, 'podhand_calls_total', { code: '0' })) ?? 0;

async function asked(pod: typeof podA): Promise<number | undefined> {
  const calls = new RawCalls(socketOf(pod));
  const { code } = await calls.call('/podhand.v1.ExecutorService/GetInfo', framed(Buffer.alloc(0)));
  calls.close();
  return code;
}

test(
  'whole conversations are answered, every call of them',
  async () => {
    const property = fc.asyncProperty(conversations, async ({ frames, answers }) => {
      const before = await answered();
      const caller = await Attacker.open(socketOf(podA));
      await caller.write(preface, encoded(frames));
      const more = async () => (await answered()) - before;
      await expect
        .poll(more, { interval: 5, timeout: 10_000 })
        .toBe(answers)
        .finally(() => caller.end());
    });
    await fc.assert(property, { ...runs(100), ...timeLimit });
    await eventually(async () => (await left()).join() === '0,0,0');
    expect(errors()).toEqual([]);
  },
  patience,
);

const sequence = fc.record({
  bytes: broken,
  sizes: pieceSizes,
  /** At once, by closing its side, or when all others are done. */
  leaves: fc.constantFrom('resets', 'closes', 'stays'),
});
type Sequence = typeof sequence extends fc.Arbitrary<infer Value> ? Value : never;

async function play({ bytes, sizes, leaves }: Sequence): Promise<Attacker> {
  const attacker = await Attacker.open(socketOf(podA));
  await attacker.write(preface);
  for (const piece of cut(bytes, sizes)) await attacker.write(piece);
  if (leaves === 'resets') attacker.end();
  if (leaves === 'closes') attacker.socket.end();
  return attacker;
}

test(
  'broken sequences of frames end, leave nothing, and take nothing from a call beside them',
  async () => {
    const seen = { played: 0, ended: 0, calls: await answered() };
    const property = fc.asyncProperty(
      fc.array(sequence, { minLength: 1, maxLength: atOnce, size: 'max' }),
      async (all) => {
        // What an earlier run has left for good is that one's fault.
        const before = await left();
        const playing = Promise.all(all.map(play));
        expect(await asked(podB)).toBe(0);
        const attackers = await playing;
        expect(await asked(podA)).toBe(0);
        seen.played += all.length;
        seen.ended += attackers.filter(({ closed }, at) => closed && all[at]?.leaves === 'stays').length;
        for (const attacker of attackers) attacker.end();
        await expect.poll(left, { interval: 5, timeout: 20_000 }).toEqual(before);
        expect([...thrown, ...errors()]).toEqual([]);
      },
    );
    await fc.assert(property, { ...runs(usualRuns), ...timeLimit });
    seen.calls = (await answered()) - seen.calls;
    process.stderr.write(`${JSON.stringify(seen)}\n`);
    await expect.poll(left, { timeout: 20_000 }).toEqual([0, 0, 0]);
    // Some are refused as a whole, and of some enough is left for calls.
    expect(seen.played).toBeGreaterThan(leastPlayed);
    expect(seen.ended).toBeGreaterThan(seen.played / 20);
    expect(seen.calls).toBeGreaterThan(seen.played / 20);
  },
  patience,
);
