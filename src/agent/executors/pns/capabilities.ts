import { kubernetesLogNotes } from '../../kubernetes/capabilities.ts';
import { withoutSplit } from '../../kubernetes/logs.ts';
import { type CapabilityName, capabilityNames, type ExecutorCapability } from '../roles.ts';
import type { PodSource } from './pns-containers.ts';

export interface PnsAbilities {
  readonly source: PodSource['name'];
  readonly imageStore: ImageStore | undefined;
  /** The node's log files, or the logs of the pod source. */
  readonly logs: 'node' | 'api';
}

/** The engine itself, or the files that the runtime keeps its images in. */
export type ImageStore = 'engine' | 'files';

const kernelTells = 'Linux 6.15; from 5.17 on where the runtime has not reaped the process yet';
const exitNote =
  `from the kernel (${kernelTells}) for every container whose process was seen; a container that lived for less ` +
  'time than it took to be seen, or ended before the agent started, has an unknown exit';
const named: Record<PodSource['name'], string> = {
  docker: 'named by the labels of the docker engine',
  kubelet: 'named by the kubelet',
  k8sapi: 'named by the API server',
  'node-logs':
    "named by the kubelet's log files once it has started them: image and kind are not known, nor are static pods",
};
const exit: Record<PodSource['name'], string> = {
  docker: `from the kernel where it tells (${kernelTells}), else from docker's engine`,
  kubelet: `from the kernel where it tells (${kernelTells}), else from the pod's status`,
  k8sapi: `from the kernel where it tells (${kernelTells}), else from the pod's status`,
  'node-logs': exitNote,
};
const logNote = 'from the log file that the runtime keeps on the node: CRI format or docker json-file';
const exitedNote = 'as long as the container is held after its end (hold.afterExit)';

/** One entry per capability that podhand knows. */
export function pnsCapabilities({ source, imageStore, logs }: PnsAbilities): readonly ExecutorCapability[] {
  const notes: Partial<Record<CapabilityName, string>> = {
    containers: named[source],
    'wait.exit_code': exit[source],
    'wait.signal': 'told from an exit with 128 + n by the kernel, where it tells the exit code',
    'wait.oom': "by the out-of-memory kills that the container's cgroup counts",
    logs: logNote,
    'logs.split': 'not for a container with a terminal, whose output is one stream',
    'logs.resume': 'a cursor ends with LOG_LOST when its part of the log was rotated away or truncated',
    'logs.tty': 'as the runtime wrote it: one stream',
    'files.base_layer.exited': exitedNote,
    'files.volume.exited': exitedNote,
    'files.container_user': "with the rights of the container's first process",
    kill: "to the container's first process, by pidfd",
    entrypoint: entrypoint(source, imageStore),
    ...(logs === 'api' && { ...kubernetesLogNotes, 'logs.split': withoutSplit }),
  };
  const absent = new Set<CapabilityName>([
    ...(imageStore === undefined ? (['entrypoint'] as const) : []),
    ...(logs === 'api' ? (['logs.split'] as const) : []),
  ]);
  return capabilityNames.map((name) => {
    const note = notes[name];
    return { name, supported: !absent.has(name), ...(note !== undefined && { note }) };
  });
}

function entrypoint(source: PodSource['name'], store: ImageStore | undefined): string {
  if (store === 'engine') return "from the image index, else from the docker engine's image store";
  if (store === 'files') return "from the image index, else from the runtime's image store on the node (imageStores)";
  return source === 'node-logs'
    ? 'only from the configured image index: log files do not tell which image a container was made of'
    : "only from the configured image index: the node's image store is not there (imageStores)";
}
