import type { KillOutcome__Output } from '../../wire/generated/podhand/v1/KillOutcome.ts';
import { formatDuration } from '../../wire/quantity.ts';
import type { Session } from '../cli/session.ts';
import { plain } from '../output/plain.ts';
import { exitText } from '../output/records.ts';
import { table } from '../output/table.ts';
import { millisecondsOf } from '../output/times.ts';

export interface KillOptions {
  readonly signal?: string;
  readonly gracePeriod?: number;
  readonly once?: boolean;
}

/** `podhand kill`: stops containers, or sends one signal. */
export async function kill(session: Session, containers: readonly string[], options: KillOptions): Promise<number> {
  const { signal, gracePeriod, once = false } = options;
  const request = {
    containers,
    once,
    ...(signal === undefined ? {} : { signal }),
    ...(gracePeriod === undefined ? {} : { gracePeriodMs: gracePeriod }),
  };
  const answer = await session.client.kill(request, session.call);
  await session.print(plain(answer), () =>
    table(['NAME', 'RESULT', 'SIGNALS', 'TOOK', 'EXIT'], answer.outcomes.map(outcomeRow)),
  );
  return 0;
}

const results = {
  KILL_RESULT_UNSPECIFIED: '',
  KILL_RESULT_ALREADY_GONE: 'already gone',
  KILL_RESULT_ENDED_IN_TIME: 'ended in time',
  KILL_RESULT_FORCED: 'forced',
  KILL_RESULT_SIGNALLED: 'signalled',
};

function outcomeRow({ container, result, signals, took, finalRecord }: KillOutcome__Output): string[] {
  const ms = millisecondsOf(took);
  return [
    container,
    results[result],
    signals.join(','),
    ms === undefined ? '' : formatDuration(ms),
    finalRecord === null ? '' : exitText(finalRecord),
  ];
}
