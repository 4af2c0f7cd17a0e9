import type { AgentConfig } from '../agent/config/schema.ts';
import { configuredExecutors } from '../agent/executors/select.ts';
import type { Check, Finding, Listed } from './check.ts';

/** A check that has not ended by then has failed. Milliseconds. */
const checkWithin = 5_000;

export interface CheckReport extends Finding {
  readonly name: string;
  readonly required: boolean;
}

export interface ExecutorReport {
  readonly name: string;
  /** The configuration can choose it. */
  readonly configured: boolean;
  /** Nothing that it requires is missing. */
  readonly canRun: boolean;
  readonly checks: readonly CheckReport[];
}

/** Runs every check once, whichever executors want it, and says for each executor whether this node can run it. */
export async function examine(
  wants: ReadonlyMap<string, readonly Listed[]>,
  config: AgentConfig,
): Promise<ExecutorReport[]> {
  const checks = new Set([...wants.values()].flatMap((listed) => listed.map(({ check }) => check)));
  const found = new Map<Check, Finding>();
  await Promise.all([...checks].map(async (check) => found.set(check, await findingOf(check, config))));
  const configured: ReadonlySet<string> = configuredExecutors(config);
  return [...wants].map(([name, listed]) => {
    const reports = listed.flatMap((each): CheckReport[] => {
      const finding = found.get(each.check);
      return finding === undefined ? [] : [{ name: each.check.name, required: each.required(config), ...finding }];
    });
    const canRun = reports.every(({ required, ok }) => ok || !required);
    return { name, configured: configured.has(name), canRun, checks: reports };
  });
}

/** A check that could not be made has found nothing good; the others go on. */
async function findingOf(check: Check, config: AgentConfig): Promise<Finding> {
  try {
    return await check.run(config, AbortSignal.timeout(checkWithin));
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return { ok: false, found, remedy: 'this could not be found out' };
  }
}
