import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCluster } from '../conformance/cluster-flavours.ts';
import { ClusterAgent, type OpenedCluster } from './cluster-agent.ts';
import { agentFootprint, expectAgentLeaksNothing, type Footprint } from './footprint.ts';
import { PodFleet } from './pod-fleet.ts';
import { podLists, podQueries, podWatches } from './served-requests.ts';

/** Near the 110 that a kubelet takes by default. */
const count = 100;
/** Several polls of an agent, which asks once a second. */
const windowMs = 8_000;
const executors = ['kubelet', 'k8sapi'] as const;

let opened: OpenedCluster;
const agents: ClusterAgent[] = [];
beforeAll(async () => {
  opened = await openCluster('containerd', { name: 'many-pods' });
  for (const executor of executors) agents.push(await ClusterAgent.start(opened, executor, ['callers.witness=none']));
});
afterAll(async () => {
  for (const agent of agents) await agent.close();
  await opened?.close();
});

async function served() {
  const { cluster } = opened;
  return { lists: await podLists(cluster), queries: await podQueries(cluster), watches: await podWatches(cluster) };
}

/** What kubelet and API server serve while nothing happens. */
async function inWindow() {
  const before = await served();
  await sleep(windowMs);
  const after = await served();
  return { lists: after.lists - before.lists, queries: after.queries - before.queries, watches: after.watches };
}

test(`${count} pods, each with a Wait on its own socket, cost kubelet and API server what none does`, async () => {
  const fleet = await PodFleet.start(opened, count);
  for (const agent of agents) for (const pod of fleet.pods) await agent.known(pod);
  const before = new Map<ClusterAgent, Footprint>();
  for (const agent of agents) before.set(agent, await agentFootprint(agent));
  const idle = await inWindow();
  expect(idle.lists).toBeGreaterThan(3);
  expect(idle.watches).toBeGreaterThan(0);
  const waits = await Promise.all(agents.map((agent) => fleet.openWaits(agent)));
  const busy = await inWindow();
  expect(busy.lists).toBeLessThanOrEqual(idle.lists + 2);
  // Others of the cluster renew their watches at times of their own.
  expect(busy.queries).toBeLessThanOrEqual(idle.queries + 10);
  expect(busy.watches).toBeLessThanOrEqual(idle.watches + 1);
  await fleet.end();
  for (const { answers } of waits) expect(await answers).toEqual(Array.from({ length: count }, () => [3]));
  for (const [agent, footprint] of before) await expectAgentLeaksNothing(agent, footprint);
}, 600_000);
