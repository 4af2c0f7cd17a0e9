import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir, runDir } from '../node/cache.ts';
import { withLock } from '../node/lock.ts';
import { must, run } from '../node/processes.ts';
import type { Places } from './places.ts';

/** A cluster's addresses; nothing of it listens on any other. */
export interface ClusterNetwork {
  /** The bridge that its pods are on. */
  readonly bridge: string;
  /** The node's own address on the bridge, in the network of the pods. */
  readonly nodeIp: string;
  readonly podCidr: string;
  /** The API server listens on the first address of the services: in pods it is found there without any kube-proxy. */
  readonly apiIp: string;
  readonly serviceCidr: string;
}

const atMost = 32;

/** Makes the first bridge that no interface and no other cluster's note has the name of. */
export async function makeNetwork(places: Places): Promise<ClusterNetwork> {
  return await withLock(cacheDir('clusters', 'network.lock'), async () => {
    const taken = [...(await readdir('/sys/class/net')), ...(await noted())];
    const number = Array.from({ length: atMost }, (_, at) => at).find((at) => !taken.includes(numbered(at).bridge));
    if (number === undefined) throw new Error(`${atMost} bridges of clusters are there already: npm run cluster down`);
    const network = numbered(number);
    // Noted down first: a crash must not leave a bridge that nobody knows.
    await writeFile(places.at('bridge'), network.bridge);
    await must(['ip', 'link', 'add', network.bridge, 'type', 'bridge']);
    await keepAddress(network.bridge);
    for (const address of [`${network.nodeIp}/24`, `${network.apiIp}/32`])
      await must(['ip', 'address', 'add', address, 'dev', network.bridge]);
    await must(['ip', 'link', 'set', network.bridge, 'up']);
    return network;
  });
}

/**
 * A bridge that was given no hardware address takes the lowest of its ports': with a pod that comes or goes it may be
 * another one, and pods whose neighbour table still has the last one reach nothing for half a minute.
 */
async function keepAddress(bridge: string): Promise<void> {
  const address = (await readFile(`/sys/class/net/${bridge}/address`, 'utf8')).trim();
  await must(['ip', 'link', 'set', bridge, 'address', address]);
}

async function noted(): Promise<string[]> {
  const dirs = await readdir(runDir);
  return await Promise.all(dirs.map((dir) => readFile(join(runDir, dir, 'bridge'), 'utf8').catch(() => '')));
}

/** Removes the bridge of a cluster, and with it its addresses and routes. */
export async function removeNetwork(places: Places): Promise<void> {
  const bridge = await readFile(places.at('bridge'), 'utf8').catch(() => '');
  if (bridge !== '') await run(['ip', 'link', 'delete', bridge]);
}

function numbered(number: number): ClusterNetwork {
  return {
    bridge: `podhand${number}`,
    nodeIp: `10.213.${number}.1`,
    podCidr: `10.213.${number}.0/24`,
    apiIp: `10.214.${number}.1`,
    serviceCidr: `10.214.${number}.0/24`,
  };
}
