import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, type Flavour, logsOf, readFile, type Subject, waitFor } from '../conformance/subject.ts';
import type { ContainerSpec, TestContainer, TestPod } from '../node/pods.ts';
import { PodCaller } from './pod-caller.ts';

/** What the other pod has and must not lose: in its files, its log, its volume, its name. */
export const secret = 'kept-by-the-other-pod';

/** A pod that attacks, with a caller that makes its calls, and one that must not notice. */
export interface TwoPods {
  readonly mine: TestPod;
  readonly theirs: TestPod;
  readonly victim: TestContainer;
  readonly victimPid: number;
  readonly caller: PodCaller;
  /** Of the log of `gone`, a container of theirs that has ended. */
  readonly cursor: Buffer;
  readonly theirVolume: string;
  readonly ownVolume: string;
  /** What the attacking pod has beside `main` and `caller`. */
  readonly bystanders: readonly TestContainer[];
  /** What the other one has beside `victim` and `gone`. */
  readonly others: readonly TestContainer[];
}

/** What the pods have beside what every attempt needs. */
export interface PodsPlan {
  /** Of the attacking pod; not started. */
  readonly bystanders: readonly ContainerSpec[];
  /** Of the other one; not started. */
  readonly others: readonly ContainerSpec[];
  readonly caller: Partial<ContainerSpec>;
}

/** The file of `main` that says `own`, on a volume for an executor that reads volumes only. */
export function ownFile(flavour: Pick<Flavour, 'capabilities'>): string {
  return flavour.capabilities['files.base_layer.running'] ? '/tmp/file' : '/data/own';
}

export async function openTwoPods(
  subject: Subject,
  path: string,
  plan: PodsPlan = { bystanders: [], others: [], caller: {} },
): Promise<TwoPods> {
  const mine = await subject.pod();
  const theirs = await subject.pod();
  const volumes = [{ volume: 'data', mountPath: '/data' }];
  // A cluster's pod has to be told of all its containers before the first of them is started.
  const others: TestContainer[] = [];
  for (const spec of plan.others) others.push(await theirs.run({ ...spec, start: false }));
  const gone = await subject.sh(theirs, 'gone', `echo ${secret}; exit 3`, { start: false });
  const victim = await subject.sh(theirs, 'victim', `echo ${secret} > /tmp/file; echo ${secret}; exec sleep 86400`, {
    volumes,
  });
  const theirVolume = await theirs.volumeDir('data');
  writeFileSync(join(theirVolume, 'file'), secret);
  await gone.start();
  await waitFor(subject, theirs, 'gone');
  const logs = await logsOf(subject, theirs, { container: 'gone' });

  const bystanders: TestContainer[] = [];
  for (const spec of plan.bystanders) bystanders.push(await mine.run({ ...spec, start: false }));
  const script = `echo own > ${path}; echo own; exec sleep 86400`;
  const main = await subject.sh(mine, 'main', script, { volumes, start: false });
  const { kubeletDir } = subject.runtime;
  const host = (volume: string, hostPath: string) =>
    ({ volume, mountPath: `/${volume}`, kind: 'hostPath', hostPath }) as const;
  mkdirSync(join(kubeletDir, 'pods'), { recursive: true });
  // As a pod has it that was given more of the node than it should have been.
  const given = [...volumes, host('kubelet', `${kubeletDir}/pods`), host('agent', subject.runDir)];
  const caller = await PodCaller.start(mine, 'caller', {
    ...plan.caller,
    volumes: [...given, ...(plan.caller.volumes ?? [])],
  });
  await main.start();
  await eventually(async () => (await readFile(subject, mine, 'main', path).catch(() => '')).toString() === 'own\n');
  return {
    mine,
    theirs,
    victim,
    victimPid: await victim.pid(),
    caller,
    cursor: logs.cursors[0] as Buffer,
    theirVolume,
    ownVolume: await mine.volumeDir('data'),
    bystanders,
    others,
  };
}
