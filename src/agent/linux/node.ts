import { readFileSync } from 'node:fs';
import { nodeCgroup } from './cgroup-path.ts';
import type { NodeMounts } from './mount-kind.ts';
import { parseMountInfo } from './mountinfo.ts';

/** The cgroup that this node lives in: `/` on a machine, a container's where the node is one. */
export function readNodeCgroup(): string {
  return nodeCgroup(readFileSync('/proc/1/cgroup', 'latin1'));
}

/** The mount table of the node, as its first process sees it. */
export function readNodeMounts(): string {
  return readFileSync('/proc/1/mountinfo', 'latin1');
}

/**
 * What containers' mounts are told by. Beside the node's own table, the agent's mounts at and below the kubelet's
 * directory: a kubelet may have its directory elsewhere on the node, or a mount namespace of its own, and the agent has
 * that directory mounted where `kubeletDirectory` says.
 */
export function nodeMounts(kubeletDirectory: string): NodeMounts {
  const own = parseMountInfo(readFileSync('/proc/self/mountinfo', 'latin1')).filter(
    ({ mountPoint }) => mountPoint === kubeletDirectory || mountPoint.startsWith(`${kubeletDirectory}/`),
  );
  return { entries: [...parseMountInfo(readNodeMounts()), ...own], kubeletDirectory };
}
