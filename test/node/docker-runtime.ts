import { join } from 'node:path';
import type Docker from 'dockerode';
import { runDir } from './cache.ts';
import { ignoring } from './docker-container.ts';
import { DockerPod, testLabel } from './docker-pod.ts';
import { ensureImages } from './images.ts';
import { knownPods, sweepPods } from './leftovers.ts';
import { podIdentity } from './pod-identity.ts';
import type { PodOptions, TestPod, TestRuntime } from './pods.ts';

/** Pods as containers of an engine, labelled and named as a kubelet with dockershim does it. */
export class DockerRuntime implements TestRuntime {
  readonly name = 'docker';
  readonly kubeletDir: string;
  readonly socketsDir: string;
  readonly #docker: Docker;
  readonly #pods = new Set<DockerPod>();

  private constructor(docker: Docker, kubeletDir: string, socketsDir: string) {
    this.#docker = docker;
    this.kubeletDir = kubeletDir;
    this.socketsDir = socketsDir;
  }

  /** Makes the images first, where the engine does not have them, and removes what crashed runs have left. */
  static async open(
    docker: Docker,
    options: { kubeletDir?: string; socketsDir?: string } = {},
  ): Promise<DockerRuntime> {
    await ensureImages(docker);
    await sweepPods();
    await sweepEngine(docker);
    const { kubeletDir = join(runDir, 'kubelet'), socketsDir = join(runDir, 'podhand', String(process.pid), 'pods') } =
      options;
    return new DockerRuntime(docker, kubeletDir, socketsDir);
  }

  async pod(options: PodOptions = {}): Promise<TestPod> {
    const { CgroupDriver } = await this.#docker.info();
    const how = { cgroupDriver: CgroupDriver, hostPid: options.hostPid ?? false };
    const pod = new DockerPod(this.#docker, podIdentity(options), this, how);
    await pod.record();
    this.#pods.add(pod);
    if (options.sandbox) await pod.startSandbox();
    return pod;
  }

  async close(): Promise<void> {
    for (const pod of this.#pods) await pod.remove();
    this.#pods.clear();
  }
}

/** Removes containers of pods that are not known any more from an engine: those of runs that did not end as they should. */
export async function sweepEngine(docker: Docker): Promise<number> {
  const found = await docker.listContainers({ all: true, filters: { label: [testLabel] } });
  // After the list: a pod is noted down before it has containers.
  const known = new Set((await knownPods()).map(({ uid }) => uid));
  const lost = found.filter(({ Labels }) => !known.has(Labels[testLabel] ?? ''));
  for (const { Id } of lost) await docker.getContainer(Id).remove({ force: true, v: true }).catch(ignoring(404, 409));
  return lost.length;
}
