import { setTimeout as sleep } from 'node:timers/promises';
import type { PodObject } from '../../cluster/pods/api.ts';
import { becomes, type Finished } from '../../node/processes.ts';
import type { Place } from './agent-objects.ts';
import { AgentPod, podPath, removeAgents, withinMs } from './agent-pod.ts';
import type { PodFunction, Tried } from './functions.ts';
import type { RightsNode } from './rights-node.ts';
import type { Shipped } from './shipped.ts';
import { targetPod } from './target.ts';

/** Agents side by side on one node, and a pod that tries all of them. */
export class Agents {
  readonly #node: RightsNode;
  readonly #name: string;
  readonly #all: readonly AgentPod[];
  #up: readonly AgentPod[] | undefined;

  constructor(node: RightsNode, name: string, all: readonly Shipped[]) {
    this.#node = node;
    this.#name = name;
    this.#all = all.map((shipped, at) => new AgentPod(node, `${name}-${at}`, shipped));
  }

  get places(): readonly Place[] {
    return this.#all.map(({ place }) => place);
  }

  /** Once each of them answers, or is known not to. */
  async start(): Promise<void> {
    await this.#node.cluster.apply(this.#all.flatMap((agent) => agent.objects));
    const settled = await Promise.all(this.#all.map(async (agent) => ({ agent, isUp: await agent.settles() })));
    this.#up = settled.filter(({ isUp }) => isUp).map(({ agent }) => agent);
  }

  /** What each function of each agent comes to; an agent that does not start has done nothing. */
  async try(): Promise<Partial<Tried>[]> {
    if (this.#up === undefined) await this.start();
    const up = this.#up ?? [];
    const emissary = up.some(({ shipped }) => shipped.config.includes('emissary:'));
    const places = up.map(({ place }) => place);
    await this.#node.api.create('/api/v1/namespaces/default/pods', targetPod(this.#name, places, emissary));
    const [of, seen] = await Promise.all([this.#probe(), Promise.all(up.map(fromNode))]);
    const hasRecord = (agent: AgentPod) => agent.records.some((path) => path.endsWith('main-0.json'));
    // It is on the disk some time after it is answered.
    await becomes(() => up.every(hasRecord), recordWithinMs);
    return this.#all.map((agent) => {
      if (!up.includes(agent)) return {};
      const records = hasRecord(agent) ? 'OK' : `only ${agent.records}`;
      return { start: 'OK', ...seen[up.indexOf(agent)], records, ...of[agent.place.name] };
    });
  }

  /** Runs a program in the container of one of them. */
  async exec(at: number, ...argv: string[]): Promise<Finished> {
    const agent = this.#all[at];
    if (agent === undefined) throw new RangeError(`there is no agent ${at}`);
    return await agent.exec(...argv);
  }

  async remove(): Promise<void> {
    await this.#node.api.delete(podPath('default', this.#name), 0);
    await removeAgents(this.#node, this.#all);
  }

  /** What the pod's container `probe` prints. */
  async #probe(): Promise<Record<string, Tried<PodFunction>>> {
    let pod: PodObject | undefined;
    const isDone = async () => {
      await sleep(500);
      pod = await this.#node.api.get<PodObject>(podPath('default', this.#name));
      return pod?.status.containerStatuses?.find(({ name }) => name === 'probe')?.state.terminated !== undefined;
    };
    if (!(await becomes(isDone, withinMs))) throw new Error(`nothing is tried: ${JSON.stringify(pod?.status)}`);
    return JSON.parse(await this.#node.cluster.kubectl.must(['logs', this.#name, '-c', 'probe']));
  }
}

const metricsWithinMs = 20_000;
const recordWithinMs = 5000;

async function fromNode(agent: AgentPod): Promise<Pick<Tried, 'admin' | 'metrics'>> {
  const { exitCode, stderr } = await agent.exec('podhand', '--admin', 'health', '--timeout', '55s');
  let scraped = '';
  // The kubelet tells the pod's address some seconds after the pod has it.
  const isScraped = async () => {
    scraped = await agent.metrics().catch(String);
    return scraped.includes('podhand_pods');
  };
  await becomes(isScraped, metricsWithinMs);
  return {
    admin: exitCode === 0 ? 'OK' : `${stderr}`,
    metrics: scraped.includes('podhand_pods') ? 'OK' : scraped,
  };
}
