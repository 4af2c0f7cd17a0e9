import { readFileSync } from 'node:fs';
import { nodeCgroup } from './cgroup-path.ts';

/** The cgroup that this node lives in: `/` on a machine, a container's where the node is one. */
export function readNodeCgroup(): string {
  return nodeCgroup(readFileSync('/proc/1/cgroup', 'latin1'));
}

/** The mount table of the node, as its first process sees it. */
export function readNodeMounts(): string {
  return readFileSync('/proc/1/mountinfo', 'latin1');
}
