import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentProcess } from '../../node/agent-process.ts';

/** What a pod is at. */
export type Step = 'starting' | 'waiting' | 'saving' | 'stopping' | 'over';

interface Storm {
  readonly kills: number;
  readonly random: () => number;
  spawn(): AgentProcess;
  /** Of the pods that are there now. */
  steps(): readonly Step[];
}

/** One of so many kills comes while the agent starts. */
const inItsStart = 0.25;
const longestStartMs = 1200;
const longestLifeMs = 1500;
/** With fifty pods at work beside it. */
const startsWithinMs = 300_000;

/**
 * Starts the agent and kills it, again and again, each time at a random moment of its start or of its life. Ends with one
 * that is up. Gives how many kills met a pod at each step.
 */
export async function killAtRandom({ kills, random, spawn, steps }: Storm): Promise<Record<Step, number>> {
  const met: Record<Step, number> = { starting: 0, waiting: 0, saving: 0, stopping: 0, over: 0 };
  for (let kill = 0; kill < kills; kill++) {
    const agent = spawn();
    if (random() < inItsStart) await sleep(random() * longestStartMs);
    else {
      await agent.up(startsWithinMs);
      await sleep(random() * longestLifeMs);
    }
    const now = steps();
    await agent.end('SIGKILL');
    for (const step of new Set(now)) met[step] += 1;
  }
  await spawn().up(startsWithinMs);
  return met;
}
