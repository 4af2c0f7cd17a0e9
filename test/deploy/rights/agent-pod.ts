import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { PodObject } from '../../cluster/pods/api.ts';
import { becomes, type Finished } from '../../node/processes.ts';
import { agentObjects, namespace, type Place } from './agent-objects.ts';
import type { RightsNode } from './rights-node.ts';
import type { Shipped } from './shipped.ts';

/** A machine may have much else to do. */
export const withinMs = 600_000;

/** An agent that runs as a manifest says, beside others. */
export class AgentPod {
  readonly place: Place;
  readonly shipped: Shipped;
  readonly #node: RightsNode;

  constructor(node: RightsNode, name: string, shipped: Shipped) {
    const directory = join(dirname(node.cluster.kubeletDir), 'rights', name);
    this.#node = node;
    this.shipped = shipped;
    this.place = { name, directory, volumes: { disk: name, memory: `${name}-memory` } };
  }

  get objects(): object[] {
    return agentObjects(this.shipped, this.#node.cluster, this.place);
  }

  /** Once it answers (true); or has ended, or says that who names its pods does not answer, and stays so. */
  async settles(): Promise<boolean> {
    const isUp = () => existsSync(`${this.place.directory}/run/admin.sock`);
    let pod: PodObject | undefined;
    const hasEnded = async () => {
      pod = await this.#pod();
      return ['Failed', 'Succeeded'].includes(pod?.status.phase ?? '');
    };
    let away = 0;
    const waits = async () =>
      /"msg":"(?:lost the|the \w+( server)? does not answer)/.test(await this.log()) && ++away > 20;
    const settled = async () => {
      if (isUp() || (await hasEnded()) || (await waits())) return true;
      await sleep(1000);
      return false;
    };
    if (await becomes(settled, withinMs)) return isUp();
    throw new Error(`${this.place.name} neither starts nor ends: ${JSON.stringify(pod?.status)}`);
  }

  /** Runs a program in its container. */
  async exec(...argv: string[]): Promise<Finished> {
    return await this.#node.cluster.kubectl.run(['-n', namespace, 'exec', this.place.name, '--', ...argv]);
  }

  /** Empty until its container has started. */
  async log(): Promise<string> {
    return (await this.#node.api.text(`${podPath(namespace, this.place.name)}/log`)) ?? '';
  }

  async metrics(): Promise<string> {
    const pod = (await this.#pod()) as (PodObject & { status: { podIP?: string } }) | undefined;
    const { body } = await request(`http://${pod?.status.podIP}:9464/metrics`);
    return await body.text();
  }

  /** Files of the final records that it has written, `<pod uid>/<container>-<attempt>.json`. */
  get records(): string[] {
    const directory = `${this.place.directory}/state/records`;
    return existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
  }

  async remove(): Promise<void> {
    await removeAgents(this.#node, [this]);
  }

  async #pod(): Promise<PodObject | undefined> {
    return await this.#node.api.get<PodObject>(podPath(namespace, this.place.name));
  }
}

/** With what they have in the API. */
export async function removeAgents({ api, cluster }: RightsNode, agents: readonly AgentPod[]): Promise<void> {
  await Promise.all(agents.map(({ place }) => api.delete(podPath(namespace, place.name), 0)));
  const kinds = 'serviceaccount,configmap,clusterrole,clusterrolebinding';
  const names = agents.map(({ place }) => place.name);
  await cluster.kubectl.must(['-n', namespace, 'delete', kinds, ...names, '--ignore-not-found', '--wait=false']);
  for (const { place } of agents) await rm(place.directory, { recursive: true, force: true });
}

export function podPath(of: string, name: string): string {
  return `/api/v1/namespaces/${of}/pods/${name}`;
}
