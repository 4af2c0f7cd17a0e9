import type { Duration__Output } from '../../wire/generated/google/protobuf/Duration.ts';
import type { Timestamp__Output } from '../../wire/generated/google/protobuf/Timestamp.ts';
import { formatDuration } from '../../wire/quantity.ts';

type Moment = Timestamp__Output | null | undefined;

/** Milliseconds since 1970; undefined where the time is not known. */
export function millisecondsOf(moment: Moment): number | undefined {
  return moment ? moment.seconds * 1000 + moment.nanos / 1e6 : undefined;
}

/** RFC 3339 in UTC, with as many digits of the second as it has. */
export function rfc3339({ seconds, nanos }: Timestamp__Output): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  const fraction = nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
  return `${whole}${fraction}Z`;
}

/** As in the JSON form of the well-known type: `1.5s`. */
export function secondsText({ seconds, nanos }: Duration__Output): string {
  return `${seconds + nanos / 1e9}s`;
}

/** From the first to the second moment, for people; empty where one is not known. */
export function span(from: Moment, to: Moment): string {
  const [begin, end] = [millisecondsOf(from), millisecondsOf(to)];
  return begin === undefined || end === undefined ? '' : formatDuration(Math.max(0, end - begin));
}

/** How long ago, in the coarse form of kubectl: `45s`, `12m`, `3h`, `2d`. */
export function age(moment: Moment, now: number = Date.now()): string {
  const at = millisecondsOf(moment);
  if (at === undefined) return '';
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 2 * 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86400)}d`;
}
