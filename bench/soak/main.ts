// npm run soak: agents under the work of many real pods for a long time; their memory and descriptors have to stay.
import { rmdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import { parseArgs } from 'node:util';
import { openCluster } from '../../test/conformance/cluster-flavours.ts';
import { ClusterAgent } from '../../test/faults/cluster-agent.ts';
import { PodFleet } from '../../test/faults/pod-fleet.ts';
import { createCgroup } from '../../test/node/namespaces/cgroups.ts';
import { Report } from '../report.ts';
import { memoryLimit } from '../stand.ts';
import { Journal } from './journal.ts';
import { report, Samples } from './samples.ts';
import { shortPods } from './short-pods.ts';
import { workOf } from './work.ts';

const usage = `npm run soak -- [options]

Runs many real pods in a cluster of its own on containerd, each asking agents of executors pns and kubelet, which have the
memory that the manifest gives them, for all they give, while other pods come, end and go; at the end says how memory and
descriptors of the agents have grown, and exits with 1 where they have or where an answer was wrong. Needs root; takes some
minutes more than it is told.

  --minutes N    under load (60)
  --pods N       that stay all the time (100)
  --json FILE    also write every sample there
  --help         this text
`;

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { minutes: text, pods: text, json: text, help: { type: 'boolean' } } });
const number = (name: 'minutes' | 'pods', otherwise: number): number => {
  const given = Number(values[name] ?? otherwise);
  if (Number.isInteger(given) && given >= 1) return given;
  throw new Error(`--${name}: not a number of at least 1: "${values[name]}"`);
};

async function soak(minutes: number, count: number): Promise<boolean> {
  const machine = { cores: availableParallelism(), kernel: release(), node: process.version };
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const said = new Report(print);
  said.title(`${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}`);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const journal = new Journal(print);
  const opened = await openCluster('containerd', { name: 'soak' });
  const agents: ClusterAgent[] = [];
  const limited: string[] = [];
  try {
    const named = { pns: ['pns.podSource=node-logs'], kubelet: ['callers.witness=none'] };
    for (const [executor, settings] of Object.entries(named) as [keyof typeof named, string[]][]) {
      const cgroups = await createCgroup(`/podhand-soak-${executor}`, memoryLimit);
      limited.push(...cgroups);
      agents.push(await ClusterAgent.start(opened, executor, settings, cgroups));
    }
    said.note(`starting ${count} pods`);
    const fleet = await PodFleet.start(opened, count, workOf.script);
    for (const agent of agents) for (const pod of fleet.pods) await agent.known(pod);
    const samples = new Samples(agents, journal);
    said.note(`${minutes} minutes of work`);
    const ended = AbortSignal.any([stop.signal, AbortSignal.timeout(minutes * 60_000)]);
    await Promise.all([
      samples.take(ended),
      shortPods(opened, agents, journal, ended),
      ...agents.flatMap((agent) => fleet.members.map(({ pod, main }) => workOf.pod(agent, pod, main, journal, ended))),
    ]);
    const isFlat = report(said, samples);
    said.summary();
    said.note(`${journal.rounds} rounds of the pods that stayed, ${journal.ended} pods that came and ended`);
    said.note(`${journal.failures.length} answers were wrong or missing`);
    if (values.json !== undefined) {
      const document = { date: new Date().toISOString(), machine, minutes, pods: count, samples: samples.all, journal };
      writeFileSync(values.json, `${JSON.stringify(document, undefined, 2)}\n`);
    }
    return isFlat && journal.failures.length === 0 && !stop.signal.aborted;
  } finally {
    for (const agent of agents) await agent.close();
    await opened.close();
    for (const cgroup of limited) rmdirSync(cgroup);
  }
}

if (values.help) process.stdout.write(usage);
else process.exitCode = (await soak(number('minutes', 60), number('pods', 100))) ? 0 : 1;
