const zero = 0x30;

/**
 * Milliseconds since the epoch of an RFC 3339 time in `block[start, end)`, digits below a millisecond cut off; NaN
 * where it is none. Reads bytes: no string is made per record.
 */
export function recordTime(block: Buffer, start: number, end: number): number {
  if (end - start < 20) return Number.NaN;
  const seconds = Date.UTC(
    digits(block, start, 4),
    digits(block, start + 5, 2) - 1,
    digits(block, start + 8, 2),
    digits(block, start + 11, 2),
    digits(block, start + 14, 2),
    digits(block, start + 17, 2),
  );
  let at = start + 19;
  let milliseconds = 0;
  if (block[at] === 0x2e) {
    at++;
    for (let weight = 100; at < end; at++, weight /= 10) {
      const digit = (block[at] ?? 0) - zero;
      if (digit < 0 || digit > 9) break;
      if (weight >= 1) milliseconds += digit * weight;
    }
  }
  const zone = block[at];
  if (zone === 0x5a) return seconds + milliseconds;
  if (zone !== 0x2b && zone !== 0x2d) return Number.NaN;
  const offset = digits(block, at + 1, 2) * 60 + digits(block, at + 4, 2);
  return seconds + milliseconds - (zone === 0x2b ? offset : -offset) * 60_000;
}

/** Most bytes that `writeTime` writes. */
export const maxTimeBytes = 48;

/**
 * Writes the time in `block[start, end)` with nine digits of a second and one space to `out` at `at`, its zone as the
 * runtime wrote it. Returns the place after it.
 */
export function writeTime(block: Buffer, start: number, end: number, out: Buffer, at: number): number {
  if (end - start > maxTimeBytes - 12) return at;
  let from = start;
  let to = at;
  while (from < start + 19) out[to++] = block[from++] ?? 0;
  out[to++] = 0x2e;
  if (block[from] === 0x2e) from++;
  for (let count = 0; count < 9; count++) {
    const byte = block[from] ?? 0;
    const isDigit = from < end && byte >= zero && byte <= 0x39;
    out[to++] = isDigit ? byte : zero;
    if (isDigit) from++;
  }
  while (from < end) out[to++] = block[from++] ?? 0;
  out[to++] = 0x20;
  return to;
}

function digits(block: Buffer, start: number, count: number): number {
  let value = 0;
  for (let at = start; at < start + count; at++) value = value * 10 + ((block[at] ?? 0) - zero);
  return value;
}
