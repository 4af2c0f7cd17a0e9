import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attackOn } from '../attacks/attack.ts';
import { PodCaller } from '../attacks/pod-caller.ts';
import { twoPods } from '../attacks/two-pods.ts';
import { openTwoPods, ownFile, type TwoPods } from '../attacks/two-pods-open.ts';
import type { ClusterRuntime } from '../cluster/places.ts';
import { yes } from '../conformance/capabilities.ts';
import { eventually, logsOf } from '../conformance/subject.ts';
import type { ContainerSpec, TestContainer } from '../node/pods.ts';
import { type AttackedCluster, attackedVolumes, calmVolume, openAttackedCluster } from './attacked-cluster.ts';
import { BusyPod } from './busy-pod.ts';
import { factOf, factsOf } from './canary.ts';

const media = ['disk', 'memory'] as const;
type Medium = (typeof media)[number];

/** Root with capabilities, in the pod's own emptyDir; what its links lead to is mounted for it too, and read-only. */
function attacker(medium: Medium, outside: string): ContainerSpec {
  const mountPath = `/attacked/${medium}`;
  return {
    name: `attacks-${medium}`,
    image: 'node',
    command: ['/usr/bin/node', '/podhand/test/sockets/hostile.ts', mountPath, outside, '0', `pod-${medium}`],
    capabilities: ['SYS_ADMIN', 'LINUX_IMMUTABLE', 'MKNOD'],
    volumes: [
      { volume: attackedVolumes[medium], mountPath, ...(medium === 'memory' && { kind: 'tmpfs' }) },
      { volume: 'outside', mountPath: outside, kind: 'hostPath', hostPath: outside, readOnly: true },
    ],
    checkout: true,
  };
}

const own = { socketDir: false, volumes: [{ volume: attackedVolumes.disk, mountPath: '/run/podhand' }] };

/** The two pods of a cluster, over sockets in emptyDirs, while one of them attacks its own. */
export function attackInCluster(runtime: ClusterRuntime, executor: 'docker' | 'pns'): void {
  describe(`a pod that attacks its emptyDirs, on ${runtime} with the ${executor} executor`, () => {
    const flavour = { executor, capabilities: yes({}) };
    const attack = attackOn(executor);
    let subject: AttackedCluster;
    let pods: TwoPods;
    let busy: BusyPod;
    let awaits: TestContainer;
    let attacked: Record<Medium, string>;
    /** Of what is the other pod's and the node's, by when it was looked at. */
    let before: Record<string, unknown>;

    const isSocket = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
    const socketOf = (directory: string) => join(directory, 'agent.sock');
    const podDir = (uid: string) => join(subject.kubeletDir, 'pods', uid);
    const inVolumes = (volume: string) => `volumes/kubernetes.io~empty-dir/${volume}`;
    /** The other pod's directory as a whole; of its sockets an agent that starts makes new ones. */
    const facts = () => {
      const sockets = inVolumes(attackedVolumes.disk);
      return {
        outside: factsOf(subject.outside),
        theirs: factsOf(podDir(pods.theirs.uid), [sockets, socketOf(sockets)]),
        above: ['', 'volumes', 'volumes/kubernetes.io~empty-dir'].map((path) =>
          factOf(join(podDir(pods.mine.uid), path)),
        ),
      };
    };

    beforeAll(async () => {
      subject = await openAttackedCluster(runtime, executor);
      pods = await openTwoPods(subject, ownFile(flavour), {
        bystanders: media.map((medium) => attacker(medium, subject.outside)),
        others: [
          PodCaller.spec('works', own),
          {
            name: 'awaits',
            image: 'node',
            command: ['/usr/bin/node', '/podhand/bin/podhand', 'wait', 'victim'],
            checkout: true,
            ...own,
          },
        ],
        caller: { socketDir: false, volumes: [{ volume: calmVolume, mountPath: '/run/podhand' }] },
      });
      const [works, waits] = pods.others as [TestContainer, TestContainer];
      awaits = waits;
      for (const other of [works, awaits]) await other.start();
      attacked = {
        disk: await pods.mine.volumeDir(attackedVolumes.disk),
        memory: await pods.mine.volumeDir(attackedVolumes.memory),
      };
      for (const medium of media) await eventually(async () => isSocket(socketOf(attacked[medium])));
      busy = new BusyPod(await PodCaller.of(pods.theirs, works));
      await eventually(async () => (await subject.agent().metric('podhand_waits')) === 1);
      for (const bystander of pods.bystanders) await bystander.start();
      before = facts();
      busy.begin();
    }, 600_000);
    afterAll(async () => {
      try {
        await busy?.stop();
      } finally {
        await subject?.close();
      }
    }, 300_000);

    twoPods(
      flavour,
      () => subject,
      async () => pods,
    );

    attack(
      54,
      'the agent loses its sockets and makes them again; the other pod keeps its own, and is answered',
      async () => {
        const theirs = socketOf(join(podDir(pods.theirs.uid), inVolumes(attackedVolumes.disk)));
        const { ino } = lstatSync(theirs);
        const calls = busy.answered;
        for (const name of ['lost', 'made'])
          await eventually(async () => (await subject.agent().metric(`podhand_sockets_${name}_total`)) > 0);
        await eventually(async () => (await subject.agent().metric('podhand_socket_obstructions_total')) > 0);
        await eventually(async () => busy.answered >= calls + 50);
        expect(lstatSync(theirs).ino).toBe(ino);
        expect(facts()).toEqual(before);
      },
      300_000,
    );

    attack(
      54,
      "the other pod's socket, reached by its emptyDir: the second witness closes the connection",
      async () => {
        const socket = `/kubelet/${pods.theirs.uid}/${inVolumes(attackedVolumes.disk)}/agent.sock`;
        for (const rpc of ['getInfo', 'listContainers'] as const)
          expect((await pods.caller.call({ rpc, request: {}, socket })).result).toMatch(/^14 /);
      },
    );

    attack(
      54,
      'an agent killed and started under attack: the other pod has its socket again, and its calls go on',
      async () => {
        for (let count = 0; count < 3; count++) {
          await busy.whileAway(() => subject.killAgentAndStart());
          await eventually(async () => (await subject.agent().metric('podhand_waits')) === 1);
        }
        expect(facts()).toEqual(before);
      },
      180_000,
    );

    attack(
      54,
      'when it is over: nothing outside has changed, every call was answered, and its own sockets are back',
      async () => {
        for (const [at, bystander] of pods.bystanders.entries()) {
          await bystander.signal('SIGTERM');
          expect(await bystander.exited()).toEqual({ exitCode: 0 });
          // The attack was one: everything was done at times.
          const { both } = await logsOf(subject, pods.mine, { container: bystander.name });
          expect(Object.keys(JSON.parse(both.toString())).sort()).toEqual(attacksOn(media[at] as Medium));
        }
        for (const medium of media) await eventually(async () => isSocket(socketOf(attacked[medium])));
        expect(facts()).toEqual(before);
        expect(subject.agent().alive).toBe(true);
        await busy.stop();
        expect(busy.unanswered).toEqual([]);
        await pods.victim.signal('SIGKILL');
        expect(await awaits.exited()).toEqual({ exitCode: 0 });
        const { both } = await logsOf(subject, pods.theirs, { container: 'awaits' });
        expect(both.toString()).toContain('137');
      },
      180_000,
    );

    test('its pod and the other one can be deleted, and every descriptor is given back', async () => {
      const held = () =>
        subject
          .agent()
          .descriptors()
          .filter((to) => to.startsWith(subject.kubeletDir));
      for (const pod of [pods.mine, pods.theirs]) await pod.remove();
      for (const { uid } of [pods.mine, pods.theirs])
        await eventually(async () => lstatSync(podDir(uid), { throwIfNoEntry: false }) === undefined);
      await eventually(async () => held().length === 0);
    }, 180_000);
  });
}

function attacksOn(medium: Medium): string[] {
  const any = ['inside', 'fifo', 'device', 'listen', 'fill', 'empty', 'mountOver', 'bindOver'];
  const limits = ['small', 'large', 'readOnly', 'writable'];
  return [...any, 'bindPlace', 'immutable', 'mutable', ...(medium === 'memory' ? limits : [])].sort();
}
