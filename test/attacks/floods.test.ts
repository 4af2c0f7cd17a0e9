import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { pnsOnNamespaces, withSettings } from '../conformance/flavours.ts';
import { eventually, of, openSubject, type Subject } from '../conformance/subject.ts';
import type { TestContainer, TestPod } from '../node/pods.ts';
import { failure, unary } from '../rpc/agent-under-test.ts';
import { attackOn } from './attack.ts';
import { cgroupsOf, MeetingPlace } from './cgroup-process.ts';

const attack = attackOn('shared');
/** Else it would be a matter of minutes until so many are accepted. */
const pace = 'limits.connectionsPerSecondPerPod=1000';

/** Connections and calls are counted before any executor is asked, so that one of them stands for all. */
describe('a pod that asks for too much', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  const socketOf = (subject: Subject, pod: TestPod) => join(subject.runDir, 'pods', pod.uid, 'agent.sock');

  const open = async (settings: string[]) => {
    const subject = await openSubject(withSettings(pnsOnNamespaces, settings));
    closers.push(() => subject.close());
    const pods: [TestPod, TestContainer][] = [];
    for (let at = 0; at < 2; at++) {
      const pod = await subject.pod();
      pods.push([pod, await subject.sh(pod, 'main', 'exec sleep 600')]);
    }
    return { subject, pods: pods as [[TestPod, TestContainer], [TestPod, TestContainer]] };
  };
  const meet = () => {
    const place = new MeetingPlace();
    closers.push(() => place.close());
    return place;
  };
  /** Results of so many calls on one new connection of a process of the container. */
  const calls = async (subject: Subject, [pod, container]: [TestPod, TestContainer], count: number) => {
    const place = meet();
    await place.start('relay', socketOf(subject, pod), await cgroupsOf(container)).says();
    const client = place.client();
    const results: string[] = [];
    for (let at = 0; at < count; at++) results.push(await failure(unary(client, 'getInfo', {}, of(pod))));
    return results;
  };

  attack(47, '1,000 silent connections: 64 are held, the others refused, and the neighbour is answered', async () => {
    const { subject, pods } = await open(['limits.handshake=600s', pace]);
    const [flooding, neighbour] = pods;
    const from = subject.logLines.length;
    const flood = meet().start('silent', socketOf(subject, flooding[0]), await cgroupsOf(flooding[1]));
    expect(await flood.says()).toBe('connected');
    while (Number(await flood.says()) < 1000 - 64);
    const refusals = subject.logLines.slice(from).filter((line) => line.includes('too many'));
    expect(refusals, 'a flood of connections is none of log lines').toHaveLength(10);
    expect(await calls(subject, neighbour, 3)).toEqual(['OK', 'OK', 'OK']);
    expect((await calls(subject, flooding, 1))[0]).toMatch(/^14 /);
    await flood.end();
    // What it held is free again as soon as it is gone.
    await eventually(async () => (await calls(subject, flooding, 1))[0] === 'OK');
  });

  attack(47, 'silent connections are closed after the handshake time, all of them', async () => {
    const { subject, pods } = await open(['limits.handshake=300ms', pace]);
    const [flooding] = pods;
    const flood = meet().start('silent', socketOf(subject, flooding[0]), await cgroupsOf(flooding[1]));
    let said = await flood.says();
    while (said !== '1000') said = await flood.says();
    expect(await calls(subject, flooding, 1)).toEqual(['OK']);
  });

  test('a call too many is refused with the time to wait, and only to that pod', async () => {
    const { subject, pods } = await open(['limits.callsPerSecondPerPod=1', 'limits.callBurstPerPod=5']);
    const [busy, neighbour] = pods;
    const results = await calls(subject, busy, 24);
    expect(results.slice(0, 5)).toEqual(Array(5).fill('OK'));
    expect(results.filter((result) => result === '8 TOO_MANY_CALLS').length).toBeGreaterThan(15);
    expect(new Set(results)).toEqual(new Set(['OK', '8 TOO_MANY_CALLS']));
    expect(await calls(subject, neighbour, 3)).toEqual(['OK', 'OK', 'OK']);
  });
});
