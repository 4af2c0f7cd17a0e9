import { join } from 'node:path';
import type { TestImage } from '../node/images.ts';
import { withLock } from '../node/lock.ts';
import { bringUp, recorded } from './bring-up.ts';
import { builtComponents } from './build/components.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Daemon } from './daemon.ts';
import { nodeName } from './identities.ts';
import { Kubectl } from './kubectl.ts';
import type { NodeRuntime } from './node-runtime.ts';
import { type ClusterParts, running } from './parts.ts';
import { type ClusterPlan, type ClusterRuntime, Places } from './places.ts';
import { type PolicyRule, ServiceAccount } from './service-account.ts';
import { takeDown } from './take-down.ts';

/** Building up takes a minute; the first one on a machine waits for the programs to be built, an hour at most. */
const lockSeconds = 3900;

/**
 * A real Kubernetes 1.20 of one node on this machine, with TLS and RBAC: control plane, kubelet, and dockerd (by
 * dockershim) or containerd (by CRI). It outlives the process that brings it up, and is shared by name.
 * The node has a mount namespace of its own; paths given here are those outside of it.
 */
export class Cluster {
  readonly name: string;
  readonly plan: ClusterPlan;
  readonly nodeName = nodeName;
  /** With an administrator's certificate. */
  readonly kubeconfig: string;
  readonly apiUrl: string;
  readonly kubeletUrl: string;
  /** The authority of API server and kubelet, a file in PEM that everybody can read. */
  readonly caFile: string;
  /** The address of the node, which pods see as `status.hostIP`. */
  readonly nodeIp: string;
  /** The kubelet's directory: pods' volumes are below `pods`. */
  readonly kubeletDir: string;
  /** The same, as the kubelet and its runtime call it: another path only where the plan says `standard`. */
  readonly kubeletRoot: string;
  /** What is /var/log/pods on the node. */
  readonly podLogsDir: string;
  /** What is /var/log/containers on the node. */
  readonly containerLogsDir: string;
  readonly runtimeSocket: string;
  /** Where containerd keeps what is its own, where the node has it. */
  readonly containerdRoot: string;
  /** The cgroup that `kubepods` is in. */
  readonly cgroup: string;
  readonly kubelet: Daemon;
  readonly runtime: NodeRuntime;
  readonly controlPlane: ControlPlane;
  readonly kubectl: Kubectl;
  readonly #parts: ClusterParts;
  readonly #started: boolean;

  private constructor(parts: ClusterParts, started: boolean, kubectl: Kubectl) {
    const { plan, places, network, identities } = parts;
    this.#parts = parts;
    this.#started = started;
    this.plan = plan;
    this.name = plan.name;
    this.kubeconfig = identities.kubeconfig('admin');
    this.apiUrl = `https://${network.apiIp}:443`;
    this.kubeletUrl = `https://${network.nodeIp}:10250`;
    this.caFile = places.at('ca.crt');
    this.nodeIp = network.nodeIp;
    this.kubeletDir = places.kubelet;
    this.kubeletRoot = plan.kubeletRoot === 'standard' ? '/var/lib/kubelet' : places.kubelet;
    this.podLogsDir = join(places.log, 'pods');
    this.containerLogsDir = join(places.log, 'containers');
    this.runtimeSocket = parts.runtime.socketPath;
    this.containerdRoot = places.containerdRoot;
    this.cgroup = places.cgroup;
    this.kubelet = parts.kubelet;
    this.runtime = parts.runtime;
    this.controlPlane = parts.controlPlane;
    this.kubectl = kubectl;
  }

  /** Brings it up where it is not; `name` is that of the runtime unless a test wants one that nobody else uses. */
  static async up(options: { runtime: ClusterRuntime } & Partial<ClusterPlan>): Promise<Cluster> {
    const plan: ClusterPlan = { name: options.runtime, kubeletRoot: 'own', logFileKiB: 10_240, ...options };
    const bring = () => bringUp(plan);
    const { parts, started } = await withLock(new Places(plan.name).lock, bring, lockSeconds);
    return await Cluster.#of(parts, started);
  }

  /** The cluster of that name, where it has been brought up; some of it may have ended. */
  static async find(name: string): Promise<Cluster | undefined> {
    const parts = await recorded(name);
    return parts === undefined ? undefined : await Cluster.#of(parts, false);
  }

  /** Removes every trace of the cluster of that name, in whatever state it is. Caches stay. */
  static async down(name: string): Promise<void> {
    const places = new Places(name);
    await withLock(places.lock, () => takeDown(places), lockSeconds);
  }

  static async #of(parts: ClusterParts, started: boolean): Promise<Cluster> {
    const { bin } = builtComponents();
    const kubectl = await Kubectl.find(parts.places, parts.identities.kubeconfig('admin'), bin);
    return new Cluster(parts, started, kubectl);
  }

  /** Its processes by name, and whether they run. */
  async running(): Promise<Map<string, boolean>> {
    return await running(this.#parts);
  }

  async loadImage(image: TestImage): Promise<void> {
    await this.runtime.loadImage(image);
  }

  /** Images of an archive as `docker save` writes it, for those that a test has built elsewhere. */
  async importImages(archive: NodeJS.ReadableStream): Promise<void> {
    await this.runtime.importImages(archive);
  }

  /** Applies objects, or a manifest in YAML. */
  async apply(manifest: string | readonly object[]): Promise<void> {
    const text =
      typeof manifest === 'string' ? manifest : JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifest });
    await this.kubectl.must(['apply', '-f', '-'], text);
  }

  /** An account for an agent under test, with these rules all over the cluster. */
  async serviceAccount(
    rules: readonly PolicyRule[],
    options: { name?: string; namespace?: string } = {},
  ): Promise<ServiceAccount> {
    return await ServiceAccount.create(this.kubectl, rules, options);
  }

  /** The command line that runs another one in the node's mount namespace, where /var/lib/kubelet and so on are its. */
  async onNode(argv: readonly string[]): Promise<string[]> {
    return await this.#parts.node.enter(argv);
  }

  /** Takes it down where this call of `up` started it. */
  async close(): Promise<void> {
    if (this.#started) await Cluster.down(this.name);
  }
}
