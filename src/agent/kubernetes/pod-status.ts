import type { Container, ContainerExit, ContainerKind } from '../pods/model.ts';
import type { ContainerJson, ContainerStatusJson, PodJson, TerminatedJson } from './pod-json.ts';

const maxMessageLength = 4096;
/** What the kubelet, and containerd, call the end of a container that was gone, and whose exit code they have made up. */
const madeUp: readonly string[] = ['ContainerStatusUnknown', 'Unknown'];

/**
 * The attempts of a pod's containers that its status tells of: the present one of each, and the one before where the
 * status still has it; the older one first. A container that the runtime has not made yet has the id `''`.
 */
export function containersOf(pod: PodJson): Container[] {
  const { spec, status } = pod;
  return [
    ...spec.initContainers.flatMap((container) =>
      attemptsOf(pod, container, kindOfInit(container), status.initContainerStatuses),
    ),
    ...spec.containers.flatMap((container) => attemptsOf(pod, container, 'regular', status.containerStatuses)),
    ...spec.ephemeralContainers.flatMap((container) =>
      attemptsOf(pod, container, 'ephemeral', status.ephemeralContainerStatuses),
    ),
  ];
}

/** The runtime's own id, of `docker://…` or `containerd://…`; `''` where there is none. */
export function runtimeId(containerId: string): string {
  return /^[a-z0-9.+-]+:\/\/([0-9a-f]{64})$/.exec(containerId)?.[1] ?? '';
}

export function hasFinished({ status }: PodJson): boolean {
  return status.phase === 'Failed' || status.phase === 'Succeeded';
}

/** Whether the kubelet may start the container again after this end; true where that cannot be told. */
export function mayRestart(pod: PodJson, { kind, exit }: Container): boolean {
  if (hasFinished(pod) || pod.metadata.deletionTimestamp !== undefined || kind === 'ephemeral') return false;
  if (kind !== 'regular') return true;
  const { restartPolicy } = pod.spec;
  return restartPolicy !== 'Never' && !(restartPolicy === 'OnFailure' && exit?.exitCode === 0);
}

function kindOfInit({ restartPolicy }: ContainerJson): ContainerKind {
  return restartPolicy === 'Always' ? 'sidecar' : 'init';
}

function attemptsOf(
  pod: PodJson,
  container: ContainerJson,
  kind: ContainerKind,
  statuses: readonly ContainerStatusJson[],
): Container[] {
  const facts = { podUid: pod.metadata.uid, name: container.name, image: container.image, imageId: '', kind };
  const status = statuses.find(({ name }) => name === container.name);
  if (status === undefined) return [withoutStatus(pod, facts)];
  const own = { ...facts, image: status.image || facts.image, imageId: status.imageID };
  const { state, restartCount } = status;
  const previous = status.lastState.terminated ?? undefined;
  const isPreviousPresent = isSameAttempt(status, previous);
  const before = previous === undefined ? [] : [terminated(own, previous, previousCount(status, isPreviousPresent))];
  if (state.terminated) {
    return [...before, terminated(own, state.terminated, restartCount, status.containerID)];
  }
  if (state.running) return [...before, running(own, status)];
  // It waits for its next attempt; until that is made the last one is the newest.
  const reason = state.waiting?.reason || pod.status.reason || 'Waiting';
  if (previous !== undefined && isPreviousPresent) return before.map((last) => ({ ...last, reason }));
  return [...before, hasFinished(pod) ? lost(own, restartCount, pod) : waiting(own, restartCount, reason)];
}

type Facts = Pick<Container, 'podUid' | 'name' | 'image' | 'imageId' | 'kind'>;

/** While it waits, a container's last end is that of the attempt whose number the status has. */
function isSameAttempt({ state, containerID }: ContainerStatusJson, previous: TerminatedJson | undefined): boolean {
  if (previous === undefined || state.running || state.terminated) return false;
  return containerID !== '' && (previous.containerID === '' || previous.containerID === containerID);
}

function previousCount({ restartCount }: ContainerStatusJson, isPresent: boolean): number {
  return isPresent ? restartCount : Math.max(0, restartCount - 1);
}

function running(facts: Facts, status: ContainerStatusJson): Container {
  const startedAt = status.state.running?.startedAt;
  return {
    ...facts,
    id: runtimeId(status.containerID),
    restartCount: status.restartCount,
    state: 'running',
    ...(startedAt !== undefined && { startedAt }),
  };
}

function waiting(facts: Facts, restartCount: number, reason: string): Container {
  return { ...facts, id: '', restartCount, state: 'waiting', reason };
}

function terminated(facts: Facts, end: TerminatedJson, restartCount: number, fallbackId = ''): Container {
  const exit = exitOf(end);
  return {
    ...facts,
    id: runtimeId(end.containerID || fallbackId),
    restartCount,
    state: exit.exitCode === undefined ? 'unknown' : 'exited',
    reason: end.reason || (end.exitCode === 0 ? 'Completed' : 'Error'),
    ...(end.startedAt !== undefined && { startedAt: end.startedAt }),
    exit,
  };
}

function exitOf({ exitCode, reason, message, finishedAt }: TerminatedJson): ContainerExit {
  const isKnown = !madeUp.includes(reason) && Number.isInteger(exitCode) && exitCode >= 0 && exitCode <= 255;
  return {
    ...(isKnown ? { exitCode } : { unknownReason: 'kubelet or runtime lost the container before it saw its end' }),
    oomKilled: reason === 'OOMKilled',
    ...(finishedAt !== undefined && { finishedAt }),
    ...(message !== '' && { message: message.slice(0, maxMessageLength) }),
    source: 'pod-status',
  };
}

/** Not started yet, or of a pod that was ended as a whole: evicted, past its deadline, refused by the node. */
function withoutStatus(pod: PodJson, facts: Facts): Container {
  if (hasFinished(pod)) return lost(facts, 0, pod);
  return waiting(facts, 0, pod.status.reason || 'Pending');
}

function lost(facts: Facts, restartCount: number, pod: PodJson): Container {
  const { reason, message } = pod.status;
  return {
    ...facts,
    id: '',
    restartCount,
    state: 'unknown',
    reason: reason || 'Unknown',
    exit: {
      oomKilled: false,
      unknownReason: `the pod has ended (${reason || pod.status.phase}) without a word on this container`,
      ...(message !== '' && { message: message.slice(0, maxMessageLength) }),
      source: 'pod-status',
    },
  };
}
