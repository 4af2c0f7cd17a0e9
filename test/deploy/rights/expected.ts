import type { ClusterRuntime } from '../../cluster/places.ts';
import type { Overlay } from '../deployed-agent.ts';
import { calls, type FunctionName, functionNames } from './functions.ts';

/**
 * What is lost without a right: these, and, as a race has it, perhaps those; or why no test here can show it. `isNamed`:
 * the caller learns that it is the agent that lacks a right.
 */
export type Loss =
  | { readonly fails: readonly FunctionName[]; readonly perhaps?: readonly FunctionName[]; readonly isNamed?: true }
  | { readonly notShown: string };

/** Whom an agent may call, and how docs/rights.md says it. */
export const peerNames = {
  engine: "the engine's socket",
  kubelet: "the kubelet's address",
  api: 'the address of the API server',
} as const;
export type Peer = keyof typeof peerNames;

/** The rights of a manifest of deploy/, and what each is for. docs/rights.md is made from this. */
export interface ManifestRights {
  readonly executor: string;
  readonly manifest: Overlay;
  /** Of the node on which it is tried. */
  readonly runtime: ClusterRuntime;
  /** What the executor does not do with all of its rights. */
  readonly cannot: readonly FunctionName[];
  readonly peers: readonly Peer[];
  /** By the name that rights-of.ts gives the right. */
  readonly without: Readonly<Record<string, Loss>>;
}

const lost = (...fails: FunctionName[]): Loss => ({ fails });
const named = (...fails: FunctionName[]): Loss => ({ fails, isNamed: true });
const everything = lost(...functionNames);
const files = ['volumeFile', 'ownFile', 'othersFile', 'layerFile', 'save'] as const;
const byUser = ['volumeFile', 'ownFile', 'layerFile', 'save'] as const;
/** Those of a container that has ended are the engine's to read. */
const ofRunning = ['volumeFile', 'ownFile', 'othersFile', 'save'] as const;
const ofVolumes = ofRunning;
/** Kubernetes' own API has no base layer and no figures; without a capability a file is open to all, or not read. */
const withoutCapabilities = ['stats', 'ownFile', 'othersFile', 'layerFile', 'save'] as const;
const appArmor = { notShown: 'takes a kernel with AppArmor' };

/** Of every manifest, whatever its executor is. */
const common = {
  'uid 0': everything,
  '`/etc/podhand` (ConfigMap)': everything,
  '`/run/podhand`': everything,
  '`/run/podhand`, to write': everything,
  '`/var/lib/podhand`': lost('records'),
  '`/var/lib/podhand`, to write': lost('records'),
  // A volume in memory is a mount of its own among them, to write where it is.
  '`/var/lib/kubelet/pods`, to write': lost('socket'),
  '`/var/lib/kubelet/pods`, HostToContainer': lost('memorySocket'),
};

export const manifestRights: readonly ManifestRights[] = [
  {
    executor: 'pns',
    manifest: 'base',
    runtime: 'containerd',
    cannot: [],
    peers: [],
    without: {
      CAP_SYS_PTRACE: lost(...files),
      CAP_DAC_READ_SEARCH: lost('othersFile'),
      CAP_KILL: named('kill'),
      CAP_SETUID: named(...byUser),
      CAP_SETGID: named(...byUser),
      hostPID: lost(...calls),
      'no AppArmor profile': appArmor,
      ...common,
      '`/var/lib/kubelet/pods`': lost('socket', 'memorySocket', ...ofVolumes),
      // Without a process all that is known of a pod has ended, and what holds a mount in memory is let go.
      '`/sys/fs/cgroup`': { fails: ['list', 'wait', 'stats', ...files, 'kill'], perhaps: ['memorySocket'] },
      '`/var/log/pods`': lost('records', ...calls),
      '`/var/log/containers`': lost('records', 'list', 'wait', 'logs', 'times', 'stats', ...files, 'kill'),
    },
  },
  {
    executor: 'docker',
    manifest: 'overlays/docker',
    runtime: 'docker',
    cannot: [],
    peers: ['engine'],
    without: {
      CAP_SYS_PTRACE: lost(...ofRunning),
      CAP_DAC_READ_SEARCH: lost('othersFile'),
      CAP_SETUID: named(...byUser),
      CAP_SETGID: named(...byUser),
      hostPID: lost(...calls),
      'no AppArmor profile': appArmor,
      ...common,
      '`/var/lib/kubelet/pods`': lost('socket', 'memorySocket', ...ofVolumes),
      '`/sys/fs/cgroup`': lost(...ofRunning),
      '`/var/run`': everything,
    },
  },
  {
    executor: 'kubelet',
    manifest: 'overlays/kubelet',
    runtime: 'containerd',
    cannot: withoutCapabilities,
    peers: ['kubelet'],
    without: {
      ...common,
      '`/var/lib/kubelet/pods`': lost('socket', 'memorySocket', 'volumeFile'),
      'service account token': everything,
      'get nodes/proxy': everything,
    },
  },
  {
    executor: 'k8sapi',
    manifest: 'overlays/k8sapi',
    runtime: 'containerd',
    cannot: withoutCapabilities,
    peers: ['api'],
    without: {
      ...common,
      '`/var/lib/kubelet/pods`': lost('socket', 'memorySocket', 'volumeFile'),
      'service account token': everything,
      'list pods': everything,
      // What was listed is all that it ever knows.
      'watch pods': lost('records', ...calls),
      'get pods/log': named('logs', 'times'),
      'get pods/exec': named('kill'),
      'create pods/exec': {
        notShown: 'Kubernetes asks for it from 1.35 on, and the cluster of the tests is 1.20 (Kill)',
      },
    },
  },
  {
    executor: 'emissary',
    manifest: 'overlays/emissary',
    runtime: 'containerd',
    cannot: ['stats', 'ownFile', 'othersFile', 'save'],
    peers: ['api'],
    without: {
      ...common,
      '`/var/lib/kubelet/pods`': lost('socket', 'memorySocket', 'volumeFile', 'layerFile', 'kill'),
      // The signal is a file in a volume of the pod.
      '`/var/lib/kubelet/pods`, to write': lost('socket', 'kill'),
      'service account token': everything,
      'list pods': everything,
      'watch pods': lost('records', ...calls),
      // With --capture the output itself is in files.
      'get pods/log': lost('times'),
    },
  },
];

export const rightsOn = (runtime: ClusterRuntime) => manifestRights.filter((each) => each.runtime === runtime);
