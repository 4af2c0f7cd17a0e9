import { PodhandError } from '../../wire/errors.ts';
import type { FinalRecord__Output } from '../../wire/generated/podhand/v1/FinalRecord.ts';
import type { Session } from '../cli/session.ts';
import { plain } from '../output/plain.ts';
import { changeText, exitCodeOf, recordsTable } from '../output/records.ts';

export interface WaitOptions {
  readonly except?: readonly string[];
  readonly untilKnown?: boolean;
  readonly exitCode?: boolean;
}

/** `podhand wait`: until the containers have ended; prints their final records. */
export async function wait(session: Session, containers: readonly string[], options: WaitOptions): Promise<number> {
  const { except = [], untilKnown = false } = options;
  const records = await recordsOf(session, { containers, except, untilKnown });
  await session.print({ records: records.map(plain) }, () => recordsTable(records));
  if (options.exitCode !== true) return 0;
  const code = exitCodeOf(records);
  if (code === undefined) throw new PodhandError('INTERNAL', 'it is not known how a container ended; see its record');
  return code;
}

async function recordsOf(
  session: Session,
  request: { containers: readonly string[]; except: readonly string[]; untilKnown: boolean },
): Promise<FinalRecord__Output[]> {
  for await (const { changed, result } of session.client.wait(request, session.call)) {
    if (changed) session.note(changeText(changed));
    if (result) return result.records;
  }
  throw new PodhandError('INTERNAL', 'the agent ended the wait without records');
}
