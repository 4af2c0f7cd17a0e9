import { join } from 'node:path';
import type { Components } from './build/components.ts';
import { ContainerdNode } from './containerd-node.ts';
import { type ControlPlane, controlPlane } from './control-plane.ts';
import type { Daemon } from './daemon.ts';
import { DockerNode } from './docker-node.ts';
import { type Identities, identitiesOf } from './identities.ts';
import { kubelet } from './kubelet.ts';
import type { ClusterNetwork } from './network.ts';
import { NodeNamespace } from './node-namespace.ts';
import type { NodeRuntime } from './node-runtime.ts';
import { type ClusterPlan, Places } from './places.ts';

/** What a cluster consists of, running or not. Making it starts nothing. */
export interface ClusterParts {
  readonly plan: ClusterPlan;
  readonly places: Places;
  readonly network: ClusterNetwork;
  readonly identities: Identities;
  readonly node: NodeNamespace;
  readonly runtime: NodeRuntime;
  readonly controlPlane: ControlPlane;
  readonly kubelet: Daemon;
}

export function partsOf(plan: ClusterPlan, network: ClusterNetwork, components: Components): ClusterParts {
  const places = new Places(plan.name);
  const identities = identitiesOf(places);
  const node = new NodeNamespace(places, plan.runtime);
  const runtime =
    plan.runtime === 'docker'
      ? new DockerNode(plan, places, node, network)
      : new ContainerdNode(places, node, network, components.cni);
  return {
    plan,
    places,
    network,
    identities,
    node,
    runtime,
    controlPlane: controlPlane(components.bin, places, identities, network),
    kubelet: kubelet(join(components.bin, 'kubelet'), places, plan, node, identities, network, runtime.kubeletFlags),
  };
}

/** Every process of it that has to run, and whether it does. */
export async function running({ node, runtime, controlPlane, kubelet }: ClusterParts): Promise<Map<string, boolean>> {
  const { etcd, apiserver, controllerManager, scheduler } = controlPlane;
  const found = new Map<string, boolean>();
  for (const daemon of [node.keeper, etcd, apiserver, controllerManager, scheduler, kubelet])
    found.set(daemon.name, (await daemon.pid()) !== undefined);
  return found.set('runtime', (await runtime.pid()) !== undefined);
}
