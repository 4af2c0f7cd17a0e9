import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FinalRecord } from '../../../src/agent/records/final-record.ts';
import type { FinalRecord__Output } from '../../../src/wire/generated/podhand/v1/FinalRecord.ts';
import { becomes } from '../../node/processes.ts';
import { containers, type Outcome } from './working-pod.ts';

const onDiskWithinMs = 20_000;

/** What is wrong between what a pod's Wait was told and what the agent keeps: each record once, and the same one. */
export async function recordFaults(stateDir: string, { uid, ends }: NonNullable<Outcome['ended']>): Promise<string[]> {
  const directory = join(stateDir, 'records', uid);
  const files = () => (existsSync(directory) ? readdirSync(directory).sort() : []);
  const wanted = containers.map((name) => `${name}-0.json`).sort();
  // A record is answered before the disk has it.
  await becomes(() => files().join() === wanted.join(), onDiskWithinMs);
  const kept = files();
  const faults: string[] = [];
  if (kept.join() !== wanted.join()) faults.push(`${uid}: the agent keeps ${kept}`);
  if (ends.results.length !== 1) faults.push(`${uid}: ${ends.results.length} results`);
  for (const name of containers) {
    if (ends.told[name] !== 1) faults.push(`${uid}: told ${ends.told[name]} times that ${name} has ended`);
    const records = ends.results.flat().filter(({ container }) => container === name);
    if (records.length !== 1) faults.push(`${uid}: ${records.length} records of ${name}`);
    const file = join(directory, `${name}-0.json`);
    if (!existsSync(file)) continue;
    const record: FinalRecord = JSON.parse(readFileSync(file, 'utf8'));
    for (const answered of records)
      if (!isSame(record, answered)) faults.push(`${file}: ${JSON.stringify([record, answered])}`);
  }
  return faults;
}

function isSame(kept: FinalRecord, answered: FinalRecord__Output): boolean {
  return (
    kept.containerId === answered.containerId &&
    kept.restartCount === answered.restartCount &&
    kept.exitKnown === answered.exitKnown &&
    (kept.exitCode ?? 0) === answered.exitCode &&
    (kept.signal ?? 0) === answered.signal &&
    (kept.unknownReason ?? '') === answered.unknownReason
  );
}
