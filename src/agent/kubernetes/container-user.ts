import { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, fileCapabilities } from '../linux/constants.ts';
import type { FileCredentials } from '../linux/credentials.ts';
import type { ContainerJson, PodJson } from './pod-json.ts';
import { containerNamed } from './volume-place.ts';

/** The file capabilities that runtimes give to root in a container. */
const usual = CAP_CHOWN | CAP_DAC_OVERRIDE | CAP_FOWNER;
const byName = new Map([
  ['ALL', fileCapabilities],
  ['CHOWN', CAP_CHOWN],
  ['DAC_OVERRIDE', CAP_DAC_OVERRIDE],
  ['FOWNER', CAP_FOWNER],
]);

/** Root of the node's user namespace, for what the pod alone has written. */
export const nodeRoot: FileCredentials = { uid: 0, gid: 0, groups: [], capabilities: fileCapabilities };

/**
 * With whose rights a container opens files, as far as its pod says it: by its status (Kubernetes 1.31 and later), else by
 * `runAsUser`. Undefined: the image decides, and only the runtime knows.
 */
export function containerUser(pod: PodJson, name: string): FileCredentials | undefined {
  const { spec, status } = pod;
  const container = containerNamed(pod, name);
  const statuses = [...status.initContainerStatuses, ...status.containerStatuses, ...status.ephemeralContainerStatuses];
  const told = statuses.find((one) => one.name === name)?.user?.linux ?? undefined;
  const uid = told?.uid ?? container?.securityContext?.runAsUser ?? spec.securityContext?.runAsUser;
  if (uid === undefined) return undefined;
  const gid = told?.gid ?? container?.securityContext?.runAsGroup ?? spec.securityContext?.runAsGroup ?? 0;
  const { fsGroup, supplementalGroups = [] } = spec.securityContext ?? {};
  const groups = told?.supplementalGroups ?? [...supplementalGroups, ...(fsGroup === undefined ? [] : [fsGroup])];
  return { uid, gid, groups, capabilities: uid === 0 ? capabilitiesOf(container) : 0n };
}

function capabilitiesOf(container: ContainerJson | undefined): bigint {
  const { privileged = false, capabilities } = container?.securityContext ?? {};
  if (privileged) return fileCapabilities;
  const kept = (capabilities?.drop ?? []).reduce((left, name) => left & ~bitsOf(name), usual);
  return (capabilities?.add ?? []).reduce((left, name) => left | bitsOf(name), kept);
}

function bitsOf(name: string): bigint {
  return byName.get(name.toUpperCase().replace(/^CAP_/, '')) ?? 0n;
}
