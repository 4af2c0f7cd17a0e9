/** Which container a process belongs to, as its cgroups name it. */
export interface CgroupIdentity {
  /** As the API server writes it: lower case, with dashes. Absent: not in a pod, or a static pod. */
  readonly podUid?: string;
  /** 64 hex digits. Absent: not in a container. */
  readonly containerId?: string;
  /** The hierarchies disagree, or a line is none; nothing may be concluded, and both ids are absent. */
  readonly conflict: boolean;
}

const uid = '[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}';
const id = '[0-9a-f]{64}';
/** What runtimes put before a container's id; their helpers (`crio-conmon-`) are not containers. */
const runtime = 'docker|crio|cri-o|cri-containerd|containerd|nerdctl|libpod';

/** `pod<uid>` (cgroupfs), `kubepods-burstable-pod<uid>.slice` (systemd). */
const podSegment = new RegExp(`^(?:pod(${uid})|(?:[a-z0-9-]+-)?pod(${uid})\\.slice)$`);
const containerSegment = new RegExp(`^(?:(?:${runtime})-)?(${id})(?:\\.scope)?$`);
/** A pod's slice handed to a runtime that runs without the systemd driver. */
const joinedSegment = new RegExp(`^(?:[a-z0-9-]+-)?pod(${uid})\\.slice:(?:${runtime}):(${id})$`);
/** Below one of these a cgroup's name was chosen by whom the subtree was handed to, not by a kubelet. */
const delegated = /\.(?:scope|service)$/;

/**
 * Reads the text of /proc/PID/cgroup, v1 and v2 lines. Each path is read from the root and only as far as the first
 * container: a process that can write to its container's cgroup directory can append any names to its own path, but
 * cannot put any in front. All lines that name a container have to agree.
 *
 * `nodeCgroup` is the cgroup that the whole node lives in, when the node is itself a container (kind, docker in
 * docker): see `nodeCgroup()`. Without it, everything below the node's container is taken as that container.
 */
export function parseCgroup(text: string, nodeCgroup = '/'): CgroupIdentity {
  let podUid: string | undefined;
  let containerId: string | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const path = pathOf(line);
    // Who is in no container may be root of the node: a line that is not understood must not make anybody that.
    if (path === undefined) return { conflict: true };
    const found = parseCgroupPath(withoutPrefix(path, nodeCgroup));
    if (disagree(podUid, found.podUid) || disagree(containerId, found.containerId)) return { conflict: true };
    podUid ??= found.podUid;
    containerId ??= found.containerId;
  }
  return {
    ...(podUid !== undefined && { podUid }),
    ...(containerId !== undefined && { containerId }),
    conflict: false,
  };
}

/** The same for one path of one hierarchy. */
export function parseCgroupPath(path: string): { podUid?: string; containerId?: string } {
  // Seen from another cgroup namespace a path begins with any number of `..`.
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '..');
  for (const [index, segment] of segments.entries()) {
    const container = containerSegment.exec(segment)?.[1];
    if (container !== undefined) return { containerId: container };
    const joined = joinedSegment.exec(segment);
    if (joined) return podAndContainer(joined[1], joined[2]);
    const pod = podSegment.exec(segment);
    if (pod) return podAndContainer(pod[1] ?? pod[2], containerSegment.exec(segments[index + 1] ?? '')?.[1]);
    if (delegated.test(segment)) return containerBelow(segments.slice(index + 1));
  }
  return {};
}

/**
 * The cgroup that the node lives in, from the text of /proc/1/cgroup in the host's pid namespace: `/` on a machine,
 * `/docker/<id>` where the node is a container.
 */
export function nodeCgroup(textOfProcessOne: string): string {
  const paths = textOfProcessOne.split('\n').map(pathOf);
  const inContainer = paths.find((path) => path !== undefined && parseCgroupPath(path).containerId !== undefined);
  return inContainer === undefined ? '/' : inContainer.replace(/\/init\.scope$/, '');
}

/** Rootless podman has its containers below the user's own service. Pods are not there. */
function containerBelow(segments: readonly string[]): { containerId?: string } {
  const containerId = segments
    .map((segment) => containerSegment.exec(segment)?.[1])
    .find((found) => found !== undefined);
  return containerId === undefined ? {} : { containerId };
}

function podAndContainer(pod: string | undefined, containerId: string | undefined) {
  return {
    ...(pod !== undefined && { podUid: pod.replaceAll('_', '-') }),
    ...(containerId !== undefined && { containerId }),
  };
}

/**
 * `4:memory:/path`: the path, without the mark of a removed cgroup. It may itself hold colons, and every byte but newline:
 * a container may name its own cgroup with a carriage return, at which a dot of a pattern stops.
 */
function pathOf(line: string): string | undefined {
  return /^\d+:[^:]*:(\/.*?)(?: \(deleted\))?$/s.exec(line)?.[1];
}

function withoutPrefix(path: string, prefix: string): string {
  if (prefix === '/') return path;
  return path === prefix || path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
}

function disagree(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}
