import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SocketNode } from '../../sockets/socket-node.ts';
import { killAtRandom, type Step } from './killer.ts';
import { recordFaults } from './record-store.ts';
import { seeded } from './seeded.ts';
import { type Outcome, WorkingPod } from './working-pod.ts';

export interface StormOptions {
  readonly seed: number;
  readonly kills: number;
  /** At any time; one that has ended is replaced while the agent is being killed. */
  readonly pods: number;
}

export interface Aftermath {
  readonly faults: readonly string[];
  readonly pods: number;
  /** Records, and those of them that have an exit code. */
  readonly ends: number;
  readonly known: number;
  readonly looks: number;
  /** How many kills met a pod at each step. */
  readonly met: Readonly<Record<Step, number>>;
}

const lookEveryMs = 20;
/** More pods at once would be a test of how fast they start. */
const startingAtOnce = 6;

/** Pods at work while the agent is killed and started, with an eye on what they have so far. */
export async function storm(node: SocketNode, { seed, kills, pods }: StormOptions): Promise<Aftermath> {
  const working = new Set<WorkingPod>();
  const outcomes: Outcome[] = [];
  let goesOn = true;
  let next = 1;
  const steps = () => [...working].map(({ step }) => step);
  const starting = () => steps().filter((step) => step === 'starting').length;
  const slot = async () => {
    while (goesOn) {
      while (starting() >= startingAtOnce) await sleep(lookEveryMs);
      const number = next++;
      const pod = new WorkingPod(node, number, seeded(seed + number));
      working.add(pod);
      outcomes.push(await pod.live());
      working.delete(pod);
    }
  };
  let looks = 0;
  const watcher = async () => {
    while (goesOn || working.size > 0) {
      for (const pod of working) pod.look();
      looks += 1;
      await sleep(lookEveryMs);
    }
  };
  const spawn = () => node.spawnAgent();
  const killing = killAtRandom({ kills, random: seeded(seed), spawn, steps }).finally(() => {
    goesOn = false;
  });
  const [met] = await Promise.all([killing, watcher(), ...Array.from({ length: pods }, slot)]);
  const ended = outcomes.flatMap((outcome) => outcome.ended ?? []);
  const records = ended.flatMap(({ ends }) => ends.results.flat());
  const stateDir = join(node.directory, 'state');
  const kept = await Promise.all(ended.map((each) => recordFaults(stateDir, each)));
  return {
    faults: [...outcomes.flatMap(({ faults }) => faults), ...kept.flat()],
    pods: outcomes.length,
    ends: records.length,
    known: records.filter(({ exitKnown }) => exitKnown).length,
    looks,
    met,
  };
}
