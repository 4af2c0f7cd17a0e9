import { rfc3339, secondsText } from './times.ts';

/** What JSON and YAML can say. */
export type Plain = string | number | boolean | null | Plain[] | { [key: string]: Plain };

/** Fields of the responses that are durations; every other `{seconds, nanos}` is a time. */
const durations = new Set(['took']);
/** Names of the `oneof`s, which proto-loader adds beside the fields. */
const discriminators = new Set(['event', 'part', 'subject']);

/**
 * A message of the contract as JSON has it: the proto's camelCase keys and enum names, times as RFC 3339, durations as
 * `1.5s`, bytes in hexadecimal, absent fields left out.
 */
export function plain(message: object): { [key: string]: Plain } {
  const entries = Object.entries(message).flatMap(([key, value]): [string, Plain][] => {
    if (value === null || value === undefined || key.startsWith('_') || discriminators.has(key)) return [];
    return [[key, plainValue(key, value)]];
  });
  return Object.fromEntries(entries);
}

function plainValue(key: string, value: unknown): Plain {
  if (Array.isArray(value)) return value.map((element) => plainValue(key, element));
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (typeof value !== 'object' || value === null) return value as Plain;
  if (isMoment(value)) return durations.has(key) ? secondsText(value) : rfc3339(value);
  return plain(value);
}

function isMoment(value: object): value is { seconds: number; nanos: number } {
  return 'seconds' in value && 'nanos' in value;
}
