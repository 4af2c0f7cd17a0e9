import type { Container__Output } from '../../wire/generated/podhand/v1/Container.ts';
import type { ContainerKind__Output } from '../../wire/generated/podhand/v1/ContainerKind.ts';
import type { ContainerState__Output } from '../../wire/generated/podhand/v1/ContainerState.ts';
import type { FinalRecord__Output } from '../../wire/generated/podhand/v1/FinalRecord.ts';
import { formatBytes } from '../../wire/quantity.ts';
import { table } from './table.ts';
import { printable } from './text.ts';
import { span } from './times.ts';

/** `CONTAINER_STATE_RUNNING` as `Running`. */
export function stateText(state: ContainerState__Output): string {
  return capitalised(state.replace('CONTAINER_STATE_', ''));
}

/** `CONTAINER_KIND_INIT` as `Init`. */
export function kindText(kind: ContainerKind__Output): string {
  return capitalised(kind.replace('CONTAINER_KIND_', ''));
}

function capitalised(word: string): string {
  return `${word.slice(0, 1)}${word.slice(1).toLowerCase()}`;
}

/** How a container ended, in one word or two: `0`, `137 (signal 9)`, `?`. */
export function exitText(record: FinalRecord__Output): string {
  if (!record.exitKnown) return '?';
  return record.signal === 0 ? String(record.exitCode) : `${record.exitCode} (signal ${record.signal})`;
}

/** Why, where there is something to say. */
export function endText(record: FinalRecord__Output): string {
  if (!record.exitKnown) return record.unknownReason || 'unknown';
  if (record.oomKilled) return 'OOMKilled';
  return record.message || (record.exitCode === 0 ? 'Completed' : 'Error');
}

export function recordsTable(records: readonly FinalRecord__Output[]): string {
  const rows = records.map((record) => [
    record.container,
    exitText(record),
    endText(record),
    span(record.startedAt, record.finishedAt),
    record.usage?.peakMemoryBytes === undefined ? '' : formatBytes(record.usage.peakMemoryBytes),
    String(record.restartCount),
  ]);
  return table(['NAME', 'EXIT', 'REASON', 'RAN', 'PEAK MEMORY', 'RESTARTS'], rows);
}

/** The exit code for "with the container's own code": the first that is not 0; undefined if one is not known. */
export function exitCodeOf(records: readonly FinalRecord__Output[]): number | undefined {
  if (records.some((record) => !record.exitKnown)) return undefined;
  return records.find((record) => record.exitCode !== 0)?.exitCode ?? 0;
}

/** `main: Running`, `main: Exited 137 (OOMKilled)`. */
export function changeText({ name, state, reason, finalRecord }: Container__Output): string {
  if (finalRecord !== null)
    return printable(`${name}: ${stateText(state)} ${exitText(finalRecord)} (${endText(finalRecord)})`);
  return printable(`${name}: ${stateText(state)}${reason === '' ? '' : ` (${reason})`}`);
}
