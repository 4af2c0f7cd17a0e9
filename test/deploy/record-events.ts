import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { podObject, statusOf, untilPod } from '../cluster/pod-objects.ts';
import { eventually } from '../conformance/subject.ts';
import { namespace } from './rights/agent-objects.ts';
import { AgentPod, podPath } from './rights/agent-pod.ts';
import { withComponents } from './rights/own-overlay.ts';
import type { RightsNode } from './rights/rights-node.ts';

interface EventRead {
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly uid: string; readonly fieldPath: string };
}

/** deploy/components/record-events over the default manifest, against a real API server with its RBAC. */
export function recordEventsInCluster(node: () => RightsNode): void {
  describe('final records as Events of a real API server', () => {
    let agent: AgentPod;
    const pods: string[] = [];
    const kubectl = (...args: string[]) => node().cluster.kubectl.must(args);

    beforeAll(async () => {
      agent = new AgentPod(node(), 'events', await withComponents(node().cluster.kubectl, 'record-events'));
      await node().cluster.apply(agent.objects);
      expect(await agent.settles()).toBe(true);
    }, 300_000);
    afterAll(async () => {
      for (const pod of pods) await node().api.delete(podPath('default', pod), 0);
      await agent?.remove();
    }, 120_000);

    /** A pod that ends with 3 once it is told to. */
    async function start(what: string): Promise<{ name: string; uid: string; end(): void }> {
      // Of its own in a second try, too.
      const name = `${what}-${pods.length}`;
      pods.push(name);
      const script = 'until [ -e /work/end ]; do sleep 0.1; done; exit 3';
      await node().cluster.apply([podObject(name, ['/bin/sh', '-c', script], { work: {} })]);
      const { metadata } = await untilPod(node().cluster, name, ({ phase }) => phase === 'Running');
      const work = join(node().cluster.kubeletDir, 'pods', metadata.uid, 'volumes/kubernetes.io~empty-dir/work');
      return { name, uid: metadata.uid, end: () => writeFileSync(join(work, 'end'), '') };
    }

    const may = async (...what: string[]) => {
      const as = `--as=system:serviceaccount:${namespace}:${agent.place.name}`;
      return (await node().cluster.kubectl.run(['auth', 'can-i', ...what, as, '-A'])).exitCode === 0;
    };
    const isRecorded = (uid: string) => agent.records.includes(`${uid}/main-0.json`);
    /** Asked again where a busy node does not answer, as Prometheus does. */
    const scraped = async () => {
      let text = '';
      await eventually(async () => {
        text = await agent.metrics().catch(() => '');
        return text !== '';
      });
      return text;
    };
    const figure = async (result: string) =>
      Number(new RegExp(`^podhand_record_events_total\\{result="${result}"\\} (.*)$`, 'm').exec(await scraped())?.[1]);
    const refusals = async () => (await agent.log()).split('\n').filter((line) => line.includes('no event of a final'));
    const events = async (pod: string): Promise<EventRead[]> => {
      const of = `--field-selector=involvedObject.name=${pod},source=podhand`;
      return JSON.parse(await kubectl('get', 'events', of, '-o', 'json')).items;
    };

    test('one for each record, on its pod, as kubectl shows it', async () => {
      const { name, uid, end } = await start('events-told');
      end();
      await eventually(async () => (await events(name)).length > 0);
      expect(await events(name)).toMatchObject([
        { reason: 'ContainerFailed', involvedObject: { uid, fieldPath: 'spec.containers{main}' } },
      ]);
      expect(await kubectl('describe', 'pod', name)).toMatch(
        /Warning +ContainerFailed .*podhand.*Container main, attempt 0, ended with exit code 3/,
      );
    }, 180_000);

    test('without the right: said once, counted, and the records are there all the same; with it again, told again', async () => {
      const silent = [await start('events-refused'), await start('events-refused')];
      const later = await start('events-later');
      // What a first try of this test may have left is behind it: it says a refusal again after one that was not.
      const first = await start('events-before');
      first.end();
      await eventually(async () => (await events(first.name)).length === 1);
      const before = { refused: await figure('refused'), told: (await refusals()).length };
      await kubectl('delete', 'clusterrolebinding', agent.place.name);
      try {
        // An API server goes by rules some time after it has stored them.
        await eventually(async () => !(await may('create', 'events')));
        for (const { end } of silent) end();
        await eventually(async () => silent.every(({ uid }) => isRecorded(uid)));
        await eventually(async () => (await figure('refused')) >= before.refused + silent.length);
        // The agent's log is some milliseconds behind.
        await eventually(async () => (await refusals()).length > before.told);
        expect(await refusals()).toHaveLength(before.told + 1);
      } finally {
        await node().cluster.apply(agent.objects.filter((object) => 'roleRef' in object));
      }
      await eventually(() => may('create', 'events'));
      later.end();
      await eventually(async () => (await events(later.name)).length === 1);
      for (const { name } of silent) expect(await events(name)).toEqual([]);
    }, 240_000);

    test('an API server that is away: the record is written meanwhile, and told once it is back', async () => {
      const { name, uid, end } = await start('events-away');
      const { apiserver } = node().cluster.controlPlane;
      const created = await figure('created');
      await apiserver.stop();
      try {
        end();
        await eventually(async () => isRecorded(uid));
      } finally {
        await apiserver.start();
      }
      // It asks every 15 s, for 10 s, and one that has just started refuses for a while.
      await expect.poll(() => events(name), { timeout: 150_000, interval: 500 }).toHaveLength(1);
      await eventually(async () => (await figure('created')) > created);
      expect(await figure('overflow')).toBe(0);
      expect(await statusOf(node().cluster, name)).toMatchObject({ metadata: { uid } });
    }, 240_000);

    test('the account can create events, and nothing else', async () => {
      expect(await may('create', 'events')).toBe(true);
      for (const verb of ['get', 'list', 'patch', 'update', 'delete'])
        expect([verb, await may(verb, 'events')]).toEqual([verb, false]);
      expect(await may('get', 'pods')).toBe(false);
    }, 120_000);
  });
}
