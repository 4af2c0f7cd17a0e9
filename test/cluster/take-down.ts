import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { removeCgroup, unmountBelow } from '../node/mounts.ts';
import { OwnEngine } from '../node/own-engine.ts';
import { endProcess, must, pidsWhere, signalPid } from '../node/processes.ts';
import { removeNetwork } from './network.ts';
import type { Places } from './places.ts';

/** The kubelet first: it would start again what ends. The namespace's keeper last. */
const order = [
  ['kubelet'],
  ['kube-controller-manager', 'kube-scheduler', 'kube-apiserver', 'etcd'],
  ['containerd', 'containerd-shim-runc-v2'],
  ['tail'],
];
const graceMs = 5_000;

/**
 * Ends everything of a cluster and removes what it leaves, whether it runs, is half up, or was killed. Needs nothing but
 * the name: processes are known by paths in their command lines.
 */
export async function takeDown(places: Places): Promise<void> {
  const inside = (argv: string[]) => argv.some((word) => word.includes(`${places.run}/`));
  for (const programs of order) {
    if (programs.includes('containerd')) await new OwnEngine(places.engine, { run: places.at('engine') }).stop();
    const pids = await pidsWhere((argv) => programs.includes(basename(argv[0] ?? '')) && inside(argv));
    for (const pid of pids) signalPid(pid, 'SIGTERM');
    for (const pid of pids) await endProcess(pid, graceMs);
  }
  await removeCgroup(places.cgroup);
  await unmountBelow(places.run);
  await removeNetwork(places);
  await must(['rm', '-rf', '--one-file-system', '--', places.run]);
  await rm(places.containerdRoot, { recursive: true, force: true });
}
