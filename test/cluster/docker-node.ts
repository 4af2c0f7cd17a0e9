import { writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import Docker from 'dockerode';
import { ensureImage, type TestImage } from '../node/images.ts';
import { OwnEngine } from '../node/own-engine.ts';
import type { ClusterNetwork } from './network.ts';
import type { NodeNamespace } from './node-namespace.ts';
import { type NodeRuntime, pauseImage, type RuntimeEnding } from './node-runtime.ts';
import { type ClusterPlan, logFiles, type Places } from './places.ts';

/**
 * A kubelet asks for an `oom_score_adj` below zero, which root of a virtual machine may not be allowed to set: runc then
 * starts nothing. This runtime is runc with that one wish left out.
 */
const lenientRunc = `#!/bin/sh
previous=
for word; do
  [ "$previous" = --bundle ] && sed -i 's/"oomScoreAdj":-[0-9]*/"oomScoreAdj":0/' "$word/config.json"
  previous=$word
done
exec runc "$@"
`;

/** dockerd of a node, which its kubelet drives by dockershim. Containers end with it, as Docker is by default. */
export class DockerNode implements NodeRuntime {
  readonly engine: OwnEngine;
  readonly #places: Places;

  constructor(plan: ClusterPlan, places: Places, node: NodeNamespace, { bridge, podCidr }: ClusterNetwork) {
    this.#places = places;
    this.engine = new OwnEngine(places.engine, {
      run: places.at('engine'),
      within: () => node.prefix(),
      bridge,
      flags: [
        // Where pods and the kubelet's own monitoring look for it, in there.
        '--host=unix:///run/docker.sock',
        `--fixed-cidr=${podCidr}`,
        `--add-runtime=lenient=${this.#lenient}`,
        '--default-runtime=lenient',
        `--log-opt=max-size=${plan.logFileKiB}k`,
        `--log-opt=max-file=${logFiles}`,
      ],
    });
  }

  get #lenient(): string {
    return this.#places.at('lenient-runc');
  }

  get socketPath(): string {
    return this.engine.socketPath;
  }

  get kubeletFlags(): string[] {
    return [
      '--container-runtime=docker',
      `--docker-endpoint=unix://${this.socketPath}`,
      `--container-runtime-endpoint=unix://${this.#places.at('dockershim.sock')}`,
      `--experimental-dockershim-root-directory=${this.#places.at('dockershim')}`,
      `--pod-infra-container-image=${pauseImage}`,
    ];
  }

  async start(): Promise<void> {
    if (await this.engine.answers()) return;
    const first = await writeFile(this.#lenient, lenientRunc, { mode: 0o755, flag: 'wx' }).then(
      () => true,
      () => false,
    );
    // `start` would remove what is there first; later, containers may have been left running on purpose.
    if (first) await this.engine.start();
    else await this.engine.resume();
  }

  async stop({ keepContainers = false }: RuntimeEnding = {}): Promise<void> {
    await this.engine.suspend({ keepContainers });
  }

  async kill({ keepContainers = false }: RuntimeEnding = {}): Promise<void> {
    await this.engine.suspend({ signal: 'SIGKILL', keepContainers });
  }

  async pid(): Promise<number | undefined> {
    return await this.engine.pid();
  }

  async loadImage(image: TestImage): Promise<void> {
    await ensureImage(new Docker({ socketPath: this.socketPath }), image);
  }

  async importImages(archive: NodeJS.ReadableStream): Promise<void> {
    const docker = new Docker({ socketPath: this.socketPath });
    const said = await text(Readable.from(await docker.loadImage(archive)));
    if (said.includes('"error"')) throw new Error(`dockerd takes no such images: ${said}`);
  }
}
