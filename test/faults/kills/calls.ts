import type { ExecutorClient } from '../../../src/client/executor-client.ts';
import type { FinalRecord__Output } from '../../../src/wire/generated/podhand/v1/FinalRecord.ts';

/** What a Wait over all kills has told: of each container how often that it ended, and the records of its results. */
export interface Ends {
  readonly told: Readonly<Record<string, number>>;
  readonly results: readonly (readonly FinalRecord__Output[])[];
}

export async function waitedFor(client: ExecutorClient, containers: readonly string[]): Promise<Ends> {
  const told: Record<string, number> = {};
  const results: FinalRecord__Output[][] = [];
  for await (const { changed, result } of client.wait({ containers, untilKnown: true })) {
    if (changed?.finalRecord) told[changed.name] = (told[changed.name] ?? 0) + 1;
    if (result) results.push(result.records);
  }
  return { told, results };
}

export async function followed(client: ExecutorClient, container: string): Promise<string> {
  let text = '';
  for await (const { chunk } of client.streamLogs({ container, follow: true, untilKnown: true }))
    text += chunk?.data.toString() ?? '';
  return text;
}
