import { once } from 'node:events';
import type { ClientReadableStream } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { FairPlaces } from '../../src/agent/fair-places.ts';
import type { Pod } from '../../src/agent/pods/model.ts';
import { podhand } from '../client/command-line.ts';
import { eventually } from '../conformance/subject.ts';
import { Attacker } from '../fuzz/attacker.ts';
import { framed, RawCalls } from '../fuzz/raw-calls.ts';
import { figure } from '../operations/scrape.ts';
import { type AgentUnderTest, about, connect, failure, startTestAgent, unary } from './agent-under-test.ts';
import { container } from './scripted-executor.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const closer of closers.splice(0).reverse()) await closer();
});

const metrics = `/tmp/podhand-places-${process.pid}.sock`;
let agent: AgentUnderTest;
let pods: Pod[];
async function start(podCount: number, ...limits: string[]): Promise<void> {
  const settings = ['callers.witness=none', `metrics.listen=unix:${metrics}`, 'limits.handshake=600s'];
  agent = await startTestAgent([...settings, ...limits.map((limit) => `limits.${limit}`)]);
  const { close, executor } = agent;
  closers.push(() => close());
  pods = Array.from({ length: podCount }, (_, at) => {
    const pod = {
      uid: `${at}`.padStart(8, '3').concat('-3333-4333-8333-333333333333'),
      namespace: 'many',
      name: `${at}`,
    };
    executor.put(pod, container(pod, 'main'));
    return pod;
  });
  for (const pod of pods) await eventually(async () => (await asked(pod)) === 0);
  await eventually(async () => (await connections()) === 0);
}
const socketOf = (pod: Pod) => `${agent.directory}/run/pods/${pod.uid}/agent.sock`;
const adminSocket = () => `${agent.directory}/run/admin.sock`;
const connections = () => figure(metrics, 'podhand_connections');
const openStreams = () => figure(metrics, 'podhand_open_streams');
const closed = async (cause: string) => (await figure(metrics, 'podhand_connections_closed_total', { cause })) ?? 0;

const getInfo = (calls: RawCalls) => calls.call('/podhand.v1.ExecutorService/GetInfo', framed(Buffer.alloc(0)));
function session(pod: Pod): RawCalls {
  const calls = new RawCalls(socketOf(pod));
  closers.push(() => calls.close());
  return calls;
}
/** The code that a call on a connection of its own is answered with; undefined where that was refused. */
async function asked(pod: Pod): Promise<number | undefined> {
  const calls = new RawCalls(socketOf(pod));
  try {
    return (await getInfo(calls)).code;
  } finally {
    calls.close();
  }
}
async function hold(path: string, count: number): Promise<Attacker[]> {
  const held: Attacker[] = [];
  for (let at = 0; at < count; at++) held.push(await Attacker.greeted(path));
  closers.push(() => held.forEach((each) => void each.end()));
  return held;
}
const alive = (held: readonly Attacker[]) => held.filter(({ closed }) => !closed).length;
const wait = framed(Buffer.from([0x0a, 4, ...Buffer.from('main')]));
function waiting(pod: Pod): ClientReadableStream<unknown> {
  const client = connect(socketOf(pod));
  const call = client.wait({ containers: ['main'] });
  closers.push(() => client.close());
  call.on('error', () => undefined);
  return call;
}

describe('connections', () => {
  const limits = ['connectionsPerPod=4', 'connections=12'];

  test('of many pods that hold all they may: others get in, up to a place for each, and none beyond', async () => {
    await start(14, ...limits);
    const greedy = await Promise.all(pods.slice(0, 3).map((pod) => hold(socketOf(pod), 4)));
    await eventually(async () => (await connections()) === 12);
    const before = await closed('displaced');
    for (const pod of pods.slice(3, 12)) {
      expect((await getInfo(session(pod))).code).toBe(0);
      expect(await connections()).toBe(12);
    }
    expect(greedy.map(alive)).toEqual([1, 1, 1]);
    expect(await closed('displaced')).toBe(before + 9);
    // Twelve pods have one each: there is none to give.
    for (const pod of pods.slice(12)) expect(await asked(pod)).toBeUndefined();
    // And none that has lost one takes it back.
    for (const pod of pods.slice(0, 3)) expect(await asked(pod)).toBeUndefined();
    expect(await connections()).toBe(12);
    expect(greedy.map(alive)).toEqual([1, 1, 1]);
  });

  test('with calls are taken after those without, though they be older', async () => {
    await start(4, ...limits);
    const [one, other, third, newcomer] = pods as [Pod, Pod, Pod, Pod];
    const quiet = session(one);
    expect((await getInfo(quiet)).code).toBe(0);
    const busy = Array.from({ length: 3 }, () => session(one));
    for (const calls of busy) void calls.call('/podhand.v1.ExecutorService/Wait', wait);
    await eventually(async () => (await openStreams()) === 3);
    await Promise.all([other, third].map((pod) => hold(socketOf(pod), 4)));
    await eventually(async () => (await connections()) === 12);
    expect((await getInfo(session(newcomer))).code).toBe(0);
    await eventually(async () => quiet.session.closed);
    expect(busy.map((calls) => calls.session.closed)).toEqual([false, false, false]);
    expect(await openStreams()).toBe(3);
  });

  test('of the admin socket have places of their own, and so has the probe', async () => {
    await start(3, ...limits);
    const greedy = await Promise.all(pods.map((pod) => hold(socketOf(pod), 4)));
    await eventually(async () => (await connections()) === 12);
    const probe = async () => (await podhand(['--socket', adminSocket(), 'health', '--timeout', '60s']).done).code;
    expect(await probe()).toBe(0);
    expect(await failure(unary(agent.admin(), 'getInfo', {}, about(pods[0]?.uid ?? '')))).toBe('OK');
    const refusedBefore = await closed('too_many');
    const own = await hold(adminSocket(), 6);
    // One of its four is the client's.
    await eventually(async () => alive(own) === 3 && (await closed('too_many')) === refusedBefore + 3);
    expect(await connections()).toBe(12 + 4);
    expect(greedy.map(alive)).toEqual([4, 4, 4]);
  });
});

describe('streams', () => {
  const limits = ['streamsPerPod=4', 'streams=8'];
  const all = async (pod: Pod, count: number) => {
    const calls = Array.from({ length: count }, () => waiting(pod));
    await Promise.all(calls.map((call) => once(call, 'data')));
    return calls;
  };

  test('of pods that hold all they may: another gets its share, and they are told', async () => {
    await start(3, ...limits);
    const [one, other, newcomer] = pods as [Pod, Pod, Pod];
    const told: string[] = [];
    for (const pod of [one, other])
      for (const call of await all(pod, 4))
        call.on('error', ({ code, metadata }: Error & { code: number; metadata: ReturnType<typeof about> }) =>
          told.push(`${pod.name} ${code} ${metadata.get('retry-after-ms')[0]}`),
        );
    expect(await openStreams()).toBe(8);
    const [first, second] = await all(newcomer, 2);
    await eventually(async () => told.length === 2);
    expect(told.sort()).toEqual(['0 8 1000', '1 8 1000']);
    expect(await openStreams()).toBe(8);
    // Three, three and two.
    expect(await failure(waiting(newcomer))).toBe('8 TOO_MANY_CALLS');
    expect(await failure(waiting(one))).toBe('8 TOO_MANY_CALLS');
    expect(told).toHaveLength(2);
    first?.cancel();
    second?.cancel();
    await eventually(async () => (await openStreams()) === 6);
    await all(one, 1);
  });

  test('of the admin socket about a pod have places of their own', async () => {
    await start(2, ...limits);
    for (const pod of pods) await all(pod, 4);
    const ofAdmin = () => agent.admin().wait({ containers: ['main'] }, about(pods[0]?.uid ?? ''));
    for (let at = 0; at < 4; at++) {
      const call = ofAdmin();
      call.on('error', () => undefined);
      await once(call, 'data');
      closers.push(() => call.cancel());
    }
    expect(await failure(ofAdmin())).toBe('8 TOO_MANY_CALLS');
    expect(await openStreams()).toBe(8 + 4);
  });
});

/** Pods that take and leave places at random, and what each has. */
class Takers {
  readonly places: FairPlaces;
  readonly perPod: number;
  readonly held = new Map<string, Set<() => void>>();
  readonly lingering = new Map<string, (() => void)[]>();

  constructor(perPod: number, ofAll: number) {
    this.perPod = perPod;
    this.places = new FairPlaces(perPod, ofAll);
  }

  get sizes(): number[] {
    return [...this.held.values()].map(({ size }) => size);
  }

  of(pod: string): Set<() => void> {
    const own = this.held.get(pod) ?? new Set();
    this.held.set(pod, own);
    return own;
  }

  leave(pod: string): void {
    const [release] = [...(this.lingering.get(pod)?.splice(0, 1) ?? []), ...this.of(pod)];
    if (release === undefined) return;
    this.of(pod).delete(release);
    release();
  }

  /** `lingers`: when the place is taken away one day, what has it does not end at once. */
  take(pod: string, lingers: boolean): 'pod' | 'node' | undefined {
    const full = this.places.full(pod);
    const lost = (this.lingering.get(pod) ?? []).length;
    expect(full === 'pod').toBe(this.of(pod).size + lost >= this.perPod);
    if (full !== undefined) return full;
    const before = this.sizes;
    const release = this.places.take(pod, {
      end: () => {
        this.of(pod).delete(release);
        if (lingers) this.lingering.set(pod, [...(this.lingering.get(pod) ?? []), release]);
        else release();
      },
    });
    const at = [...this.held.keys()].indexOf(pod);
    const loser = this.sizes.findIndex((size, of) => size < (before[of] ?? 0));
    if (loser >= 0) {
      expect(before[loser]).toBe(Math.max(...before));
      expect(before[loser]).toBeGreaterThan((before[at] ?? 0) + 1);
    }
    this.of(pod).add(release);
    return undefined;
  }
}

test('whatever pods take and leave: no more than the bounds, and an equal share for each', () => {
  const step = fc.record({ pod: fc.nat(5), leaves: fc.boolean(), lingers: fc.boolean() });
  const steps = fc.array(step, { minLength: 20, maxLength: 60 });
  let displaced = 0;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 14 }), steps, (perPod, ofAll, all) => {
      const takers = new Takers(perPod, ofAll);
      for (const { pod, leaves, lingers } of all) {
        const name = `${pod}`;
        const own = takers.of(name).size;
        const { taken } = takers.places;
        if (leaves) takers.leave(name);
        else if (takers.take(name, lingers) === 'node')
          expect(own).toBeGreaterThanOrEqual(Math.floor(ofAll / takers.held.size));
        else if (taken === ofAll && takers.of(name).size > own) displaced += 1;
        expect(takers.places.taken).toBe(takers.sizes.reduce((sum, size) => sum + size, 0));
        expect(takers.places.taken).toBeLessThanOrEqual(ofAll);
      }
    }),
    { numRuns: 500 },
  );
  expect(displaced).toBeGreaterThan(50);
});
