import { fileURLToPath } from 'node:url';
import type { Cluster } from '../cluster/cluster.ts';
import { buildImages } from '../image/build-images.ts';
import { startEngine } from '../node/docker-engine.ts';

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url));

export type Overlay = 'base' | 'overlays/docker' | 'overlays/kubelet' | 'overlays/k8sapi' | 'overlays/emissary';

/** The path of a manifest of deploy/. */
export function manifest(name: string): string {
  return `${deploy}${name}`;
}

/** Builds the images from this checkout and gives them to the node, under the names that the manifests have. */
export async function loadImages(cluster: Cluster): Promise<void> {
  const engine = await startEngine();
  try {
    const { agent, client } = await buildImages(engine.docker, engine.socketPath);
    const names = { [agent]: 'podhand', [client]: 'podhand-client', 'podhand-test/busybox:latest': 'busybox' };
    for (const [built, name] of Object.entries(names))
      await engine.docker.getImage(built).tag({ repo: name, tag: 'latest' });
    for (const name of Object.values(names))
      await cluster.runtime.importImages(await engine.docker.getImage(`${name}:latest`).get());
  } finally {
    await engine.close();
  }
}

/** The DaemonSet of deploy/, as an operator applies it; ready when it resolves. */
export class DeployedAgent {
  readonly #cluster: Cluster;
  readonly #overlay: Overlay;

  private constructor(cluster: Cluster, overlay: Overlay) {
    this.#cluster = cluster;
    this.#overlay = overlay;
  }

  /** `settings`: variables of the agent, for what is not as it is on a common node. */
  static async apply(
    cluster: Cluster,
    overlay: Overlay,
    settings: Record<string, string> = {},
  ): Promise<DeployedAgent> {
    const { kubectl } = cluster;
    const own = { PODHAND_CGROUP_ROOTS: `${cluster.cgroup}/kubepods`, ...settings };
    const variables = Object.entries(own).map(
      ([name, value]) => `        - name: ${name}\n          value: ${value}\n`,
    );
    // In one step: an agent that is replaced at once by one with other settings would have let a waiting pod begin.
    const text = (await kubectl.must(['kustomize', manifest(overlay)])).replace(
      /^ {8}env:\n/m,
      `$&${variables.join('')}`,
    );
    await cluster.apply(text);
    const agent = new DeployedAgent(cluster, overlay);
    await agent.ready();
    return agent;
  }

  async ready(): Promise<void> {
    const args = ['-n', 'podhand-system', 'rollout', 'status', 'daemonset/podhand', '--timeout=120s'];
    await this.#cluster.kubectl.must(args).catch(async (error: unknown) => {
      throw new Error(`the agent is not ready:\n${await this.describe()}`, { cause: error });
    });
  }

  /** What an operator would look at. */
  async describe(): Promise<string> {
    const { kubectl } = this.#cluster;
    const select = ['-n', 'podhand-system', '-l', 'app.kubernetes.io/name=podhand'];
    const pods = await kubectl.must(['describe', 'pods', ...select]);
    const logs = await kubectl.must(['logs', ...select, '--tail=50']).catch(String);
    return `${pods}\n${logs}`;
  }

  /** Runs podhand in the agent's own container, as an operator of the node does. */
  async podhand(...args: string[]): Promise<string> {
    const place = ['-n', 'podhand-system', 'exec', 'daemonset/podhand', '-c', 'agent'];
    return await this.#cluster.kubectl.must([...place, '--', 'podhand', '--admin', ...args]);
  }

  async remove(): Promise<void> {
    await this.#cluster.kubectl.must(['delete', '-k', manifest(this.#overlay), '--wait', '--timeout=120s']);
  }
}
