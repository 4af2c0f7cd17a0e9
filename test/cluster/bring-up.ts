import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { ensureFiles } from '../node/debian.ts';
import type { TestImage } from '../node/images.ts';
import { becomes } from '../node/processes.ts';
import { ask } from './ask.ts';
import { builtComponents, type Components, ensureComponents } from './build/components.ts';
import { DockerNode } from './docker-node.ts';
import { identitiesOf, makeIdentities, nodeName } from './identities.ts';
import { prepareKubelet } from './kubelet.ts';
import { type ClusterNetwork, makeNetwork } from './network.ts';
import { pauseImage } from './node-runtime.ts';
import { type ClusterParts, partsOf, running } from './parts.ts';
import { type ClusterPlan, Places } from './places.ts';
import { takeDown } from './take-down.ts';

const readyWithinMs = 120_000;
const firstImages: readonly TestImage[] = [pauseImage, 'podhand-test/busybox:latest'];

interface Record {
  readonly plan: ClusterPlan;
  readonly network: ClusterNetwork;
}

/** The cluster of that name as it was brought up, whether or not all of it still runs. */
export async function recorded(name: string): Promise<ClusterParts | undefined> {
  const text = await readFile(new Places(name).at('cluster.json'), 'utf8').catch(() => '');
  if (text === '') return undefined;
  const { plan, network } = JSON.parse(text) as Record;
  return partsOf(plan, network, builtComponents());
}

/** Installs and builds what a cluster is made of, where it is missing. */
export async function ensurePrograms(): Promise<Components> {
  const programs = ['openssl', 'nsenter', 'unshare'].map((name) => `/usr/bin/${name}`);
  await ensureFiles([...programs, '/sbin/ip'], ['openssl', 'util-linux', 'iproute2']);
  const engine = ['/usr/sbin/dockerd', '/usr/bin/containerd', '/usr/bin/ctr', '/usr/bin/runc', '/usr/sbin/iptables'];
  await ensureFiles(engine, ['docker.io', 'iptables']);
  return await ensureComponents();
}

/** Brings a cluster up, or finds it up. What a dead one has left is removed first. */
export async function bringUp(plan: ClusterPlan): Promise<{ parts: ClusterParts; started: boolean }> {
  const components = await ensurePrograms();
  const there = await recorded(plan.name);
  if (there !== undefined && [...(await running(there)).values()].every(Boolean)) {
    if (!isDeepStrictEqual(there.plan, plan))
      throw new Error(
        `the cluster ${plan.name} that is up is another: ${JSON.stringify(there.plan)}; take it down first`,
      );
    return { parts: there, started: false };
  }
  await takeDown(new Places(plan.name));
  try {
    return { parts: await start(plan, components), started: true };
  } catch (error) {
    await takeDown(new Places(plan.name));
    throw error;
  }
}

async function start(plan: ClusterPlan, components: Components): Promise<ClusterParts> {
  const places = new Places(plan.name);
  await mkdir(places.run, { recursive: true });
  const network = await makeNetwork(places);
  const parts = partsOf(plan, network, components);
  await writeFile(places.at('cluster.json.unfinished'), JSON.stringify({ plan, network } satisfies Record));
  await rename(places.at('cluster.json.unfinished'), places.at('cluster.json'));
  await makeIdentities(places, network);
  await prepareKubelet(plan, places, identitiesOf(places), network);
  await parts.node.start();
  const { etcd, apiserver, controllerManager, scheduler } = parts.controlPlane;
  const control = async () => {
    await etcd.start();
    await apiserver.start();
    await allOf([controllerManager.start(), scheduler.start()]);
  };
  // A kubelet waits for its API server; it is ready once it can ask that about who asks.
  await allOf([control(), startRuntime(parts).then(() => parts.kubelet.start())]);
  await ready(parts);
  return parts;
}

/** Rejects with the first failure once all have ended: what is taken down then must not be starting still. */
async function allOf(started: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(started)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

async function startRuntime({ runtime }: ClusterParts): Promise<void> {
  await runtime.start();
  // Images outlive a cluster in the engine's data, and containers of one that was killed do too.
  if (runtime instanceof DockerNode) await runtime.engine.removeContainers();
  for (const image of firstImages) await runtime.loadImage(image);
}

async function ready({ network, identities, kubelet }: ClusterParts): Promise<void> {
  const credentials = { ca: identities.ca.cert, client: identities.certificate('admin') };
  const get = async (path: string) => {
    const { status, body } = await ask(`https://${network.apiIp}:443/api/v1/${path}`, credentials);
    return status === 200 ? JSON.parse(body) : undefined;
  };
  const isReady = await becomes(async () => {
    const node = await get(`nodes/${nodeName}`);
    const conditions: { type: string; status: string }[] = node?.status?.conditions ?? [];
    if (!conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) return false;
    if ((await get('namespaces/default/configmaps/kube-root-ca.crt')) === undefined) return false;
    return (await get('namespaces/default/serviceaccounts/default'))?.secrets !== undefined;
  }, readyWithinMs);
  if (!isReady)
    throw new Error(`the node does not get ready; the end of the kubelet's log:\n${await kubelet.logEnd()}`);
}
