import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { startEngine } from '../node/docker-engine.ts';
import { ensureImage, type TestImage } from '../node/images.ts';
import { must } from '../node/processes.ts';
import { Daemon } from './daemon.ts';
import type { ClusterNetwork } from './network.ts';
import type { NodeNamespace } from './node-namespace.ts';
import { type NodeRuntime, pauseImage } from './node-runtime.ts';
import type { Places } from './places.ts';

/** containerd of a node, which its kubelet drives by CRI. Containers outlive it. */
export class ContainerdNode implements NodeRuntime {
  readonly #places: Places;
  readonly #network: ClusterNetwork;
  readonly #plugins: string;
  readonly #daemon: Daemon;

  /** `plugins` is the directory of CNI plugins. */
  constructor(places: Places, node: NodeNamespace, network: ClusterNetwork, plugins: string) {
    this.#places = places;
    this.#network = network;
    this.#plugins = plugins;
    this.#daemon = new Daemon({
      name: 'containerd',
      cluster: places.name,
      run: places.run,
      argv: () => node.enter(['/usr/bin/containerd', `--config=${places.at('containerd.toml')}`]),
      ready: async () => (await this.#ctr('plugins', 'ls', '-q').catch(() => '')) !== '',
    });
  }

  get socketPath(): string {
    return this.#places.at('containerd.sock');
  }

  get kubeletFlags(): string[] {
    return ['--container-runtime=remote', `--container-runtime-endpoint=unix://${this.socketPath}`];
  }

  async start(): Promise<void> {
    await mkdir(this.#places.containerdRoot, { recursive: true });
    await mkdir(this.#places.at('cni'), { recursive: true });
    await writeFile(this.#places.at('containerd.toml'), this.#config());
    await writeFile(this.#places.at('cni/10-bridge.conflist'), this.#bridge());
    await this.#daemon.start();
  }

  async stop(): Promise<void> {
    await this.#daemon.stop();
  }

  async kill(): Promise<void> {
    await this.#daemon.kill();
  }

  async pid(): Promise<number | undefined> {
    return await this.#daemon.pid();
  }

  /** By way of the shared Docker engine, which makes the images of the tests. */
  async loadImage(image: TestImage): Promise<void> {
    const engine = await startEngine();
    try {
      await ensureImage(engine.docker, image);
      await this.importImages(await engine.docker.getImage(image).get());
    } finally {
      await engine.close();
    }
  }

  async importImages(archive: NodeJS.ReadableStream): Promise<void> {
    const [program = '', ...args] = this.#ctrArgv('images', 'import', '-');
    const importing = spawn(program, args, { stdio: ['pipe', 'ignore', 'inherit'] });
    const ended = once(importing, 'close');
    // It may end, all well, before it has taken an archive's padding; what is cut short it does not take for whole.
    const given = pipeline(archive, importing.stdin).catch((error: unknown) => error);
    await ended;
    if (importing.exitCode === 0) return;
    const cause = await given;
    throw new Error(`containerd of cluster ${this.#places.name} takes no such images`, { cause });
  }

  #ctrArgv(...args: string[]): string[] {
    return ['/usr/bin/ctr', '--address', this.socketPath, '--namespace', 'k8s.io', ...args];
  }

  async #ctr(...args: string[]): Promise<string> {
    return await must(this.#ctrArgv(...args));
  }

  #config(): string {
    return `version = 2
root = "${this.#places.containerdRoot}"
state = "${this.#places.at('containerd')}"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "${this.socketPath}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${this.#places.at('opt')}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/${pauseImage}"
  # Root of a virtual machine may not be allowed to lower it.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${this.#plugins}"
    conf_dir = "${this.#places.at('cni')}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`;
  }

  /** The bridge has its address already: a plugin that gave it one would turn on forwarding for the whole machine. */
  #bridge(): string {
    const { bridge, nodeIp, podCidr } = this.#network;
    const ipam = {
      type: 'host-local',
      dataDir: this.#places.at('cni-addresses'),
      ranges: [[{ subnet: podCidr, gateway: nodeIp }]],
      routes: [{ dst: '0.0.0.0/0', gw: nodeIp }],
    };
    const plugin = { type: 'bridge', bridge, isGateway: false, ipMasq: false, ipam };
    return JSON.stringify({ cniVersion: '0.4.0', name: 'podhand', plugins: [plugin] });
  }
}
