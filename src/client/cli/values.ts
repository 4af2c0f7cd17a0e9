import { InvalidArgumentError } from 'commander';
import { parseBytes, parseDuration } from '../../wire/quantity.ts';

/** Parsers of option values. Each throws what commander shows as a usage error. */

/** `10s`, `1m30s`, `500ms`, as milliseconds. */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('a duration looks like 500ms, 10s, 1m30s or 1h.');
  return ms;
}

/** `64Ki`, `1Gi`, `1000`, as bytes. */
export function size(text: string): number {
  const bytes = parseBytes(text);
  if (bytes === undefined) throw new InvalidArgumentError('a size looks like 1000, 64Ki, 500M or 1Gi.');
  return bytes;
}

/** A whole number of 0 or more. */
export function count(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number)) throw new InvalidArgumentError('a whole number is wanted.');
  return number;
}

/** A duration before now, or a time as RFC 3339 with its zone. */
export function since(text: string): Date {
  const ms = parseDuration(text);
  if (ms !== undefined) return new Date(Date.now() - ms);
  const rfc = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
  const date = rfc.test(text) ? new Date(text) : new Date(Number.NaN);
  if (Number.isNaN(date.getTime())) {
    throw new InvalidArgumentError('a time looks like 10s, 1h or 2026-01-31T12:00:00Z.');
  }
  return date;
}

/** Adds one more value to an option that may be given several times; `a,b` counts as two. */
export function list(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(',').filter((name) => name !== '')];
}
