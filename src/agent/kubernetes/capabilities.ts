import { type CapabilityName, capabilityNames, type ExecutorCapability } from '../executors/roles.ts';
import { withoutSplit } from './logs.ts';
import { withoutKill } from './signals.ts';

interface Options {
  /** The agent sees the kubelet's directory of this node. */
  readonly volumes: boolean;
  /** It reads the runtime's image store there. */
  readonly imageStore: boolean;
}

const baseLayer = 'only volumes are read, from the node: write to one (an emptyDir), or use pns, docker or emissary';
const noNode = 'the agent has no access to the node (k8sapi.nodeAccess)';
const ended = 'as long as the pod has it on the node: an emptyDir is removed once every container of the pod has ended';

/** What a kubelet's or an API server's logs take; that they are not split is another matter. */
export const kubernetesLogNotes = {
  logs: "of the present attempt and the one before, from the runtime's present log file: what was rotated away is lost, and where it is rotated while it is followed, a kubelet may leave lines out",
  'logs.resume': 'by time; LOG_LOST where its part of the log was rotated away',
  'logs.tty': 'as the runtime wrote it',
} as const satisfies Partial<Record<CapabilityName, string>>;

/** What the executors that stand on Kubernetes' own API can do. One entry per capability that podhand knows. */
export function kubernetesCapabilities({ volumes, imageStore }: Options): readonly ExecutorCapability[] {
  const volume = volumes ? undefined : noNode;
  const refused: Partial<Record<CapabilityName, string>> = {
    'wait.signal': "Kubernetes' status does not tell a death by signal n from an exit with 128 + n",
    'logs.split': withoutSplit,
    'files.base_layer.running': volume ?? baseLayer,
    'files.base_layer.exited': volume ?? baseLayer,
    'kill.sigkill': withoutKill,
    ...(!imageStore && {
      entrypoint: "only from the configured image index: the node's image store is not there (imageStores)",
    }),
    stats: 'the figures of a cgroup are on the node: use pns or docker',
    ...(volume !== undefined && {
      'files.volume.running': volume,
      'files.volume.exited': volume,
      'files.container_user': volume,
      'files.sparse': volume,
      'save.in_kernel': volume,
    }),
  };
  const notes: Partial<Record<CapabilityName, string>> = {
    wait: "by the pod's status: some seconds behind the container, with times in whole seconds",
    'wait.oom': "by the reason in the pod's status",
    ...kubernetesLogNotes,
    'files.volume.running': 'emptyDir, and what mounts.allow adds; links are not followed out of the volume',
    'files.volume.exited': ended,
    'files.container_user':
      'where the pod says it (runAsUser); else root for what the pod alone has written, and refused for other volumes',
    'save.in_kernel': "the agent must share the host's pid namespace",
    entrypoint: "from the image index, else from the runtime's image store on the node (imageStores)",
    kill: "by running the image's own kill in the container, as its user",
  };
  return capabilityNames.map((name) => {
    const note = refused[name] ?? notes[name];
    return { name, supported: refused[name] === undefined, ...(note !== undefined && { note }) };
  });
}
