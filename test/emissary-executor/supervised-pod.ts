import { podhand } from '../client/command-line.ts';
import { yes } from '../conformance/capabilities.ts';
import { eventually, type Flavour, of, type Subject } from '../conformance/subject.ts';
import { releaseEmissary } from '../emissary/running.ts';
import { startEngine } from '../node/docker-engine.ts';
import { DockerRuntime } from '../node/docker-runtime.ts';
import type { ContainerSpec, TestContainer, TestPod } from '../node/pods.ts';
import { failure, unary } from '../rpc/agent-under-test.ts';

export const sharedVolume = 'var-run-argo';
const mountPath = '/var/run/argo';

/** The emissary executor over the tests' engine, whose labels name the pods. */
export function emissaryOnDocker(settings: readonly string[] = []): Flavour {
  return {
    executor: 'emissary',
    open: async () => {
      await releaseEmissary();
      const engine = await startEngine();
      const runtime = await DockerRuntime.open(engine.docker);
      const { DockerRootDir } = await engine.docker.info();
      const own = [
        'emissary.podSource=docker',
        `docker.socket=${engine.socketPath}`,
        `docker.containersDir=${DockerRootDir}/containers`,
      ];
      const close = async () => {
        await runtime.close();
        await engine.close();
      };
      return { runtime, settings: [...own, ...settings], close };
    },
    terminals: true,
    capabilities: yes({}),
  };
}

/** A pod whose shared volume `podhand init` has made ready, as an init container does. */
export class SupervisedPod {
  readonly pod: TestPod;
  /** Of the shared volume, on the node. */
  readonly volume: string;

  readonly #subject: Subject;

  private constructor(subject: Subject, pod: TestPod, volume: string) {
    this.#subject = subject;
    this.pod = pod;
    this.volume = volume;
  }

  static async make(subject: Subject, ...init: string[]): Promise<SupervisedPod> {
    const pod = await subject.pod();
    const volume = await pod.volumeDir(sharedVolume);
    const { code, stderr } = await podhand(['init', '--dir', volume, ...init]).done;
    if (code !== 0) throw new Error(`podhand init: ${stderr}`);
    return new SupervisedPod(subject, pod, volume);
  }

  at(name: string): string {
    return `${this.volume}/${name}`;
  }

  /** A container whose command, a shell script, is run by the emissary with --capture. */
  async sh(name: string, script: string, spec: Partial<ContainerSpec> = {}): Promise<TestContainer> {
    const emissary = [`${mountPath}/podhand-emissary`, '--container', name, '--capture', '--'];
    return await this.run(name, [...emissary, '/bin/sh', '-c', script], spec);
  }

  /** One with the shared volume, whatever its command. Resolves once the agent knows the pod. */
  async run(name: string, command: readonly string[], spec: Partial<ContainerSpec> = {}): Promise<TestContainer> {
    const volumes = [{ volume: sharedVolume, mountPath }, ...(spec.volumes ?? [])];
    const container = await this.pod.run({ name, command, ...spec, volumes });
    const { client } = this.#subject;
    await eventually(async () => (await failure(unary(client, 'getInfo', {}, of(this.pod)))) === 'OK');
    return container;
  }
}
