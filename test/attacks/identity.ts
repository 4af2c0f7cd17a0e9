import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually, type Flavour, of, type Subject } from '../conformance/subject.ts';
import { removeCgroup } from '../node/mounts.ts';
import { createCgroup } from '../node/namespaces/cgroups.ts';
import type { TestContainer, TestPod } from '../node/pods.ts';
import { failure, unary } from '../rpc/agent-under-test.ts';
import { attackOn } from './attack.ts';
import { cgroupPathOf, cgroupsOf, MeetingPlace } from './cgroup-process.ts';
import { PodCaller } from './pod-caller.ts';

const unanswered = /^14 /;

export function identity(flavour: Flavour, opened: () => Subject): void {
  const attack = attackOn(flavour.executor);

  describe('who calls', () => {
    let subject: Subject;
    let caller: TestContainer;
    let mover: TestContainer;
    let mine: TestPod;
    let theirs: TestPod;
    let main: TestContainer;
    let victim: TestContainer;
    let place: MeetingPlace;
    beforeAll(async () => {
      subject = opened();
      mine = await subject.pod();
      theirs = await subject.pod();
      const script = 'while :; do echo said; sleep 0.1; done';
      // A cluster's pod has to be told of them before one of its containers is started.
      caller = await mine.run(PodCaller.spec('user', { user: '1234:1234', start: false }));
      mover = await mine.run(PodCaller.spec('mover', { start: false }));
      main = await subject.sh(mine, 'main', script);
      victim = await subject.sh(theirs, 'victim', script);
    });
    beforeEach(() => {
      place = new MeetingPlace();
    });
    afterEach(async () => await place.close());

    const socketOf = (pod: TestPod) => join(subject.runDir, 'pods', pod.uid, 'agent.sock');
    /** What a process in these cgroups is answered on the pod's socket: the uid of the pod that it is taken for. */
    const asked = async (pod: TestPod, cgroups: readonly string[], wrapper: readonly string[] = []) => {
      const own = new MeetingPlace();
      try {
        const relay = own.start('relay', socketOf(pod), cgroups, wrapper);
        await relay.says();
        const call = unary(own.client(), 'getInfo', {}, of(theirs));
        const result = await failure(call);
        return result === 'OK' ? `${(await call).pod?.uid} ${(await call).callerContainer}` : result;
      } finally {
        await own.close();
      }
    };

    attack(46, 'a process is of the pod whose cgroup it is in, and is answered on its socket alone', async () => {
      expect(await asked(mine, await cgroupsOf(main))).toBe(`${mine.uid} main`);
      expect(await asked(theirs, await cgroupsOf(main))).toMatch(unanswered);
      expect(await asked(mine, [])).toMatch(unanswered);
    });

    test('a caller of any user is known', async () => {
      await caller.start();
      const { answered } = await (await PodCaller.of(mine, caller)).call({ rpc: 'getInfo', request: {} });
      expect(JSON.parse(answered)).toMatchObject({ pod: { uid: mine.uid }, callerContainer: 'user' });
    });

    attack([39, 40], 'a cgroup nested in the container is the container, whatever its name', async () => {
      const own = await cgroupPathOf(main);
      const forged = `${own}/kubepods/besteffort/pod${theirs.uid}/${victim.id}`;
      for (const nested of [`${own}/init.scope`, forged]) {
        const cgroups = await createCgroup(nested);
        expect(await asked(mine, cgroups)).toBe(`${mine.uid} main`);
        expect(await asked(theirs, cgroups)).toMatch(unanswered);
      }
      for (const nested of ['init.scope', 'kubepods']) await removeCgroup(`${own}/${nested}`);
    });

    attack(41, 'mountinfo that names another container is not looked at', async () => {
      const [own = ''] = await cgroupsOf(main);
      const [other = ''] = await cgroupsOf(victim);
      const wrapper = [
        'unshare',
        '--mount',
        'sh',
        '-c',
        'mount --bind "$1" "$2"; shift 2; exec "$@"',
        'sh',
        other,
        own,
      ];
      const cgroups = (await cgroupsOf(main)).slice(1);
      // In the first hierarchy its own directory shows the other's: it is put there before.
      const enter = `echo $$ > ${own}/cgroup.procs; exec "$@"`;
      expect(await asked(theirs, cgroups, ['sh', '-c', enter, 'sh', ...wrapper])).toMatch(unanswered);
      expect(await asked(mine, cgroups, ['sh', '-c', enter, 'sh', ...wrapper])).toBe(`${mine.uid} main`);
    });

    attack(40, 'hierarchies that name different pods name none', async () => {
      const own = await cgroupsOf(main);
      const others = await cgroupsOf(victim);
      const split = Math.floor(own.length / 2);
      expect(await asked(mine, [...own.slice(0, split), ...others.slice(split)])).toMatch(unanswered);
    });

    attack(46, 'a static pod is no pod', async () => {
      const path = `/kubepods/pod${'0123456789abcdef'.repeat(2)}`;
      try {
        expect(await asked(mine, await createCgroup(path))).toMatch(unanswered);
      } finally {
        await removeCgroup(path);
      }
    });

    test('a caller that leaves its container is no caller any more', async () => {
      const relay = place.start('relay', socketOf(mine), await cgroupsOf(main));
      await relay.says();
      const client = place.client();
      expect(await failure(unary(client, 'getInfo', {}, of(mine)))).toBe('OK');
      for (const cgroup of await cgroupsOf(victim)) writeFileSync(join(cgroup, 'cgroup.procs'), String(relay.pid));
      expect(await failure(unary(client, 'getInfo', {}, of(mine)))).toBe('16 CALLER_UNKNOWN');
      const path = Buffer.from('/etc/hostname');
      expect(await failure(client.readFile({ container: 'victim', path }, of(mine)))).toBe('16 CALLER_UNKNOWN');
    });

    attack(42, 'a connection that is passed to another pod dies with who opened it, streams too', async () => {
      const taker = place.start('take', socketOf(mine), await cgroupsOf(victim));
      await taker.says();
      const giver = place.start('pass', socketOf(mine), await cgroupsOf(main));
      expect(await giver.says()).toBe('passed');
      await taker.says();
      const client = place.client();
      // The opener lives, and answers for what is asked.
      expect(await failure(unary(client, 'getInfo', {}, of(mine)))).toBe('OK');
      const streams: AsyncIterable<unknown>[] = [
        client.streamLogs({ container: 'main', follow: true }, of(mine)),
        client.wait({ containers: ['main'] }, of(mine)),
      ];
      const begun = streams.map((stream) => stream[Symbol.asyncIterator]());
      for (const stream of begun) expect((await stream.next()).done).toBe(false);
      await giver.end();
      for (const stream of begun) expect(await failure(rest(stream))).toMatch(unanswered);
      expect(await failure(unary(client, 'getInfo', {}, of(mine)))).toMatch(/^(14|16) /);
    });

    attack(43, 'a caller that is dead before it is accepted has no identity; the next one is answered', async () => {
      const from = subject.logLines.length;
      place.runBlocking('die', socketOf(mine), await cgroupsOf(main));
      await eventually(async () => subject.logLines.slice(from).some((line) => line.includes('not identified')));
      const refusals = subject.logLines.slice(from).filter((line) => line.includes('not identified'));
      expect(refusals.map((line) => JSON.parse(line))).toMatchObject([{ pod: mine.uid, reason: 'CALLER_UNKNOWN' }]);
      expect(await asked(mine, await cgroupsOf(main))).toBe(`${mine.uid} main`);
    });

    attack(46, 'the admin socket is of root of the node alone', async () => {
      const admin = join(subject.runDir, 'admin.sock');
      expect(statSync(admin).mode & 0o777).toBe(0o600);
      const relay = place.start('relay', admin, await cgroupsOf(main));
      await relay.says();
      expect(await failure(unary(place.client(), 'getInfo', {}, of(mine)))).toMatch(unanswered);
    });

    attack(54, "a pod cannot put anything into its socket's directory, nor take anything out", async () => {
      await mover.start();
      const moving = await PodCaller.of(mine, mover);
      const at = '/run/podhand';
      for (const command of [
        `rm ${at}/agent.sock`,
        `mv ${at}/agent.sock ${at}/moved`,
        `ln -s /etc/passwd ${at}/link`,
        `mkdir ${at}/directory`,
        `touch ${at}/file`,
        `chmod 0 ${at}/agent.sock`,
      ]) {
        const { exitCode, stderr } = await mover.exec(['/bin/sh', '-c', command]);
        expect(`${command}: ${exitCode !== 0} ${stderr}`).toMatch(/: true .*Read-only file system/s);
      }
      expect(readdirSync(join(subject.runDir, 'pods', mine.uid))).toEqual(['agent.sock']);
      expect((await moving.call({ rpc: 'getInfo', request: {} })).result).toBe('OK');
    });
  });
}

async function rest(iterator: AsyncIterator<unknown>): Promise<void> {
  while (!(await iterator.next()).done);
}
