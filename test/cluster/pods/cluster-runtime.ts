import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { releaseEmissary } from '../../emissary/running.ts';
import type { PodOptions, TestRuntime } from '../../node/pods.ts';
import type { Cluster } from '../cluster.ts';
import { AdminApi } from './api.ts';
import { ClusterPod } from './cluster-pod.ts';

const images = ['podhand-test/busybox:latest', 'podhand-test/scratch:latest', 'podhand-test/node:latest'] as const;

/** Real pods of a real cluster. */
export class ClusterRuntime implements TestRuntime {
  readonly name = 'cluster';
  readonly cluster: Cluster;
  readonly kubeletDir: string;
  readonly socketsDir: string;
  readonly #api: AdminApi;
  readonly #run = randomBytes(4).toString('hex');
  readonly #pods: ClusterPod[] = [];

  readonly #emissary: boolean;

  private constructor(cluster: Cluster, emissary: boolean) {
    this.cluster = cluster;
    this.#emissary = emissary;
    this.kubeletDir = cluster.kubeletDir;
    this.socketsDir = join(dirname(cluster.kubeletDir), `podhand-${this.#run}`, 'pods');
    this.#api = new AdminApi(cluster.kubeconfig);
  }

  /** `emissary`: every container's command is run by it. */
  static async open(cluster: Cluster, { emissary = false } = {}): Promise<ClusterRuntime> {
    if (emissary) await releaseEmissary();
    for (const image of images) await cluster.loadImage(image);
    const runtime = new ClusterRuntime(cluster, emissary);
    // On a node there is always another pod: the agent's own. A kubelet that answers with none has just started.
    const neighbour = await runtime.pod({ name: `neighbour-${runtime.#run}` });
    await neighbour.run({ name: 'main', command: ['/bin/sleep', '86400'] });
    return runtime;
  }

  async pod(options: PodOptions = {}): Promise<ClusterPod> {
    const { name = `pod-${randomBytes(4).toString('hex')}`, namespace = 'default', hostPid = false } = options;
    const pod = new ClusterPod({
      cluster: this.cluster,
      api: this.#api,
      namespace,
      name,
      socketsDir: this.socketsDir,
      labels: { 'podhand-test/run': this.#run },
      spec: { ...(hostPid && { hostPID: true }), ...options.spec },
      emissary: this.#emissary,
    });
    this.#pods.push(pod);
    return pod;
  }

  async close(): Promise<void> {
    for (const pod of this.#pods.splice(0)) await pod.remove();
    await this.#api.close();
    await rm(dirname(this.socketsDir), { recursive: true, force: true });
  }
}
