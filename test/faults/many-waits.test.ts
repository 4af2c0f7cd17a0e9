import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import { clusterFlavour, kubernetesTable } from '../conformance/cluster-flavours.ts';
import { withSettings } from '../conformance/flavours.ts';
import { of, openSubject, type Subject } from '../conformance/subject.ts';
import type { TestContainer } from '../node/pods.ts';
import { podLists, podWatches } from './served-requests.ts';

const waits = 200;
/** Each window holds several polls of an agent, which asks once a second. */
const windowMs = 8_000;
let subject: Subject | undefined;
afterEach(async () => await subject?.close());

function open(executor: 'kubelet' | 'k8sapi'): Promise<Subject> {
  const flavour = clusterFlavour('docker', executor, kubernetesTable, (opened) => opened[executor]);
  return openSubject(withSettings(flavour, [`limits.streamsPerPod=${waits}`]));
}

/** Opens many Wait calls over three pods; they are answered when the containers end. */
async function openWaits(on: Subject): Promise<{ finish(): Promise<void> }> {
  const pods = await Promise.all([0, 1, 2].map(() => on.pod()));
  const mains: TestContainer[] = [];
  for (const pod of pods) mains.push(await on.sh(pod, 'main', 'trap "exit 3" TERM; while :; do sleep 0.1; done'));
  const answers = Array.from({ length: waits }, async (_, at) => {
    const pod = pods[at % pods.length];
    if (pod === undefined) throw new Error('no pod');
    let code: number | undefined;
    for await (const { result } of on.client.wait({ containers: ['main'] }, of(pod)))
      code = result?.records[0]?.exitCode;
    return code;
  });
  return {
    finish: async () => {
      for (const main of mains) await main.signal('SIGTERM');
      expect(new Set(await Promise.all(answers))).toEqual(new Set([3]));
    },
  };
}

test(`kubelet: ${waits} waits ask it no more often than none`, async () => {
  const cluster = await Cluster.up({ runtime: 'docker', name: 'conformance-docker' });
  subject = await open('kubelet');
  const inWindow = async () => {
    const before = await podLists(cluster);
    await sleep(windowMs);
    return (await podLists(cluster)) - before;
  };
  const idle = await inWindow();
  const waiting = await openWaits(subject);
  const busy = await inWindow();
  await waiting.finish();
  await cluster.close();
  expect(idle).toBeGreaterThan(3);
  expect(busy).toBeLessThanOrEqual(idle + 2);
});

test(`k8sapi: ${waits} waits hold one watch`, async () => {
  const cluster = await Cluster.up({ runtime: 'docker', name: 'conformance-docker' });
  const before = await podWatches(cluster);
  subject = await open('k8sapi');
  const waiting = await openWaits(subject);
  const during = await podWatches(cluster);
  await waiting.finish();
  await cluster.close();
  expect(during).toBe(before + 1);
});
