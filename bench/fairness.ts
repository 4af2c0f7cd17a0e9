import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestPod } from '../test/node/pods.ts';
import { must } from '../test/node/processes.ts';
import { figures } from './figures.ts';
import { cpuMs, rssMiB } from './process-load.ts';
import type { Report } from './report.ts';
import type { Sizes } from './sizes.ts';
import { type BenchAgent, known, type Stand } from './stand.ts';
import { inPod } from './transfer-pod.ts';

/** What the neighbour does, and what does the same to the machine without podhand. */
const ways = [
  { way: 'flood', control: 'burn', what: 'a pod that floods small calls' },
  { way: 'stall', control: undefined, what: 'a pod that takes nothing of 64 streams' },
  { way: 'churn', control: 'burn', what: 'a pod that opens and drops connections' },
  { way: 'pings', control: 'burn', what: 'a pod that floods PING frames' },
  { way: 'trees', control: 'copy', what: 'a pod that collects large trees and saves large files' },
  { way: 'million', control: 'tar', what: 'a pod that asks for trees of a million files' },
] as const;
type Way = (typeof ways)[number]['way'] | 'burn' | 'copy' | 'tar';

/**
 * What a neighbour may do to the pod beside it, at p50: a small call stays one of milliseconds, and a step of a workflow
 * that takes seconds is not a different one. p99 is what the machine does besides, and is shown. An end is for the most
 * part the kernel's and the engine's work, which whatever takes the processor slows: it is held against a neighbour that
 * does the same without podhand, where there is one.
 */
const atMost = 3;
const alone = 'alone';

/** Of one block of the victim; several blocks are taken in turn with and without the neighbour. */
const block = { calls: 200, files: 10, ends: 3 };
const fileMiB = 4;
const logMiB = 64;
const perDirectory = 1000;
/** More than one archive may have. */
const million = 1_000_000;
/** After its first figures are there, until the neighbour is in full swing. */
const swingMs = 1000;

interface Times {
  readonly calls: number[];
  readonly files: number[];
  readonly ends: number[];
}

/**
 * What a pod notices of a neighbour that asks for all it can get, on an agent with the limits that it has by itself: the
 * same pod alone, and beside a neighbour that burns as much of the machine without podhand.
 */
export async function benchFairness(stand: Stand, report: Report, sizes: Sizes): Promise<void> {
  const agent = await stand.agent('pns', { bounded: true });
  const victim = await Victim.start(stand, agent);
  const neighbour = await Neighbour.start(stand, agent, sizes);
  for (const { way, control, what } of ways) {
    const quiet = noTimes();
    const controlled = noTimes();
    const beside = noTimes();
    const load = { cpu: 0, ms: 0, memory: 0 };
    for (let round = 0; round < sizes.rounds; round += 1) {
      take(quiet, await victim.block());
      if (control !== undefined) take(controlled, await neighbour.during(control, () => victim.block()));
      const [cpu, at] = [cpuMs(agent.pid), performance.now()];
      take(beside, await neighbour.during(way, () => victim.block()));
      load.cpu += cpuMs(agent.pid) - cpu;
      load.ms += performance.now() - at;
      load.memory = Math.max(load.memory, rssMiB(agent.pid));
    }
    const share = ((load.cpu / load.ms) * 100).toFixed(0);
    report.note(
      `${what}: ${JSON.stringify(neighbour.counts)}; agent ${share} % of a core, ${load.memory.toFixed(0)} MiB`,
    );
    add(report, what, { peer: alone, without: quiet, goals: control === undefined ? all : calls }, beside);
    if (control === undefined) continue;
    const peer = `beside one that does it without podhand (${control})`;
    add(report, what, { peer, without: controlled, goals: ends }, beside);
  }
  await victim.pod.remove();
  await neighbour.pod.remove();
  await agent.stop();
}

const calls: readonly (keyof Times)[] = ['calls', 'files'];
const ends: readonly (keyof Times)[] = ['ends'];
const all = [...calls, ...ends];

interface Against {
  readonly peer: string;
  readonly without: Times;
  /** Which of them are to stay within the factor. */
  readonly goals: readonly (keyof Times)[];
}

function add(report: Report, what: string, { peer, without, goals }: Against, beside: Times): void {
  const rows = [
    ['GetInfo', 'calls'],
    [`a file of ${fileMiB} MiB`, 'files'],
    ["end to Wait's answer", 'ends'],
  ] as const;
  for (const [of, key] of rows) {
    report.add({
      what: `${of} beside ${what}`,
      peer,
      unit: 'ms',
      podhand: figures(beside[key]),
      against: figures(without[key]),
      ...(goals.includes(key) && { goals: [{ of: 'p50' as const, ratioAtMost: atMost }] }),
    });
  }
}

const noTimes = (): Times => ({ calls: [], files: [], ends: [] });
function take(all: Times, { calls, files, ends }: Times): void {
  all.calls.push(...calls);
  all.files.push(...files);
  all.ends.push(...ends);
}

/** Its calling container, with socket and a volume for what it shares with the others. */
const caller = (stand: Stand, pod: TestPod, name: string, volume: string, command: readonly string[]) =>
  pod.run({
    name,
    image: 'node',
    checkout: true,
    command,
    volumes: [
      { volume, mountPath: `/${volume}` },
      { volume: 'socket', mountPath: '/run/podhand', kind: 'hostPath', hostPath: stand.socketDir('pns', pod.uid) },
    ],
  });
const socket = '/run/podhand/agent.sock';

/** A pod that stays within its limits. */
class Victim {
  readonly pod: TestPod;
  readonly #agent: BenchAgent;
  readonly #caller: Awaited<ReturnType<typeof caller>>;
  #ended = 0;

  private constructor(pod: TestPod, agent: BenchAgent, calling: Awaited<ReturnType<typeof caller>>) {
    this.pod = pod;
    this.#agent = agent;
    this.#caller = calling;
  }

  static async start(stand: Stand, agent: BenchAgent): Promise<Victim> {
    const pod = await stand.runtime.pod();
    const script = `head -c ${fileMiB * 2 ** 20} /dev/urandom > /file; exec sleep 86400`;
    await pod.run({ name: 'main', command: ['/bin/sh', '-c', script] });
    return new Victim(pod, agent, await caller(stand, pod, 'caller', 'outputs', ['/bin/sleep', '86400']));
  }

  async block(): Promise<Times> {
    const outputs = await this.pod.volumeDir('outputs');
    const names = Array.from({ length: block.ends }, () => `ending-${this.#ended++}`);
    const client = this.#agent.clientOf(this.pod.uid);
    for (const name of names) {
      await must(['mkfifo', join(outputs, name)]);
      const volumes = [{ volume: 'outputs', mountPath: '/outputs' }];
      await this.pod.run({ name, command: ['/bin/cat', `/outputs/${name}`], volumes });
    }
    for (const name of ['main', 'caller', ...names]) await known(client, name);
    client.close();
    return await inPod<Times>(this.#caller, 'victim', socket, String(block.calls), String(block.files), ...names);
  }
}

/** A pod that does not. */
class Neighbour {
  readonly pod: TestPod;
  readonly #stand: Stand;
  #runs = 0;
  /** What it has done in its last run. */
  counts: unknown;

  private constructor(stand: Stand, pod: TestPod) {
    this.#stand = stand;
    this.pod = pod;
  }

  static async start(stand: Stand, agent: BenchAgent, { files, fileBytes }: Sizes): Promise<Neighbour> {
    const pod = await stand.runtime.pod();
    const script =
      `fill() { mkdir $1; cd $1; n=0; while [ $n -lt $2 ]; do ` +
      `[ $((n % ${perDirectory})) = 0 ] && d=$n && mkdir $d; $3 > $d/$n; n=$((n+1)); done; }; ` +
      `fill /tree/many ${files} 'echo file'; fill /tree/million ${million} :; ` +
      `head -c ${fileBytes} /dev/urandom > /tree/big; cp /tree/big /file; ` +
      `yes 'a line of the log of a pod that nobody reads' | head -c ${logMiB * 2 ** 20}; touch /tree/ready; exec sleep 86400`;
    const volumes = [{ volume: 'tree', mountPath: '/tree' }];
    await pod.run({ name: 'main', command: ['/bin/sh', '-c', script], volumes });
    const tree = await pod.volumeDir('tree');
    while (!existsSync(join(tree, 'ready'))) await sleep(200);
    const client = agent.clientOf(pod.uid);
    await known(client, 'main');
    client.close();
    return new Neighbour(stand, pod);
  }

  /** Runs the action while the neighbour does something, from when it is in full swing. */
  async during<Answer>(way: Way, action: () => Promise<Answer>): Promise<Answer> {
    const tree = await this.pod.volumeDir('tree');
    const told = join(tree, 'counts.json');
    rmSync(told, { force: true });
    const name = `neighbour-${this.#runs++}`;
    const command = ['/usr/bin/node', '/podhand/bench/in-pod/neighbour.ts', way, socket, '/tree/counts.json'];
    const container = await caller(this.#stand, this.pod, name, 'tree', command);
    while (!existsSync(told)) await sleep(100);
    await sleep(swingMs);
    const answer = await action();
    this.counts = JSON.parse(readFileSync(told, 'utf8'));
    await container.remove(true);
    return answer;
  }
}
