const backslash = 0x5c;
/** Below this a loop is faster than a native search and copy. */
const shortRun = 64;

/**
 * Writes the inside of a JSON string, `block[start, end)`, to `out` at `at` as UTF-8; never longer than it is. Half a
 * surrogate pair becomes U+FFFD, as every JSON decoder to UTF-8 has it. Returns the place after it.
 */
export function writeUnescaped(block: Buffer, start: number, end: number, out: Buffer, at: number): number {
  let from = start;
  let to = at;
  while (from < end) {
    const count = end - from < shortRun ? copyShort(block, from, end, out, to) : copyLong(block, from, end, out, to);
    from += count;
    to += count;
    if (from >= end) break;
    const letter = block[from + 1] ?? 0;
    if (letter === 0x75) {
      const code = codePoint(block, from, end);
      from += code >= 0x10000 ? 12 : 6;
      to = writeCodePoint(code, out, to);
    } else {
      out[to++] = simple(letter);
      from += 2;
    }
  }
  return to;
}

/** Copies up to the next backslash; returns the number of bytes. */
function copyShort(block: Buffer, start: number, end: number, out: Buffer, to: number): number {
  const shift = to - start;
  let at = start;
  for (; at < end; at++) {
    const byte = block[at] as number;
    if (byte === backslash) break;
    out[at + shift] = byte;
  }
  return at - start;
}

function copyLong(block: Buffer, start: number, end: number, out: Buffer, to: number): number {
  const next = block.indexOf(backslash, start);
  return block.copy(out, to, start, next < 0 || next > end ? end : next);
}

/** Of the `\uXXXX` at `at`, or of the pair of them that stands for one character. */
function codePoint(block: Buffer, at: number, end: number): number {
  const code = hex(block, at + 2);
  if (code < 0xd800 || code >= 0xdc00 || at + 12 > end) return code;
  if (block[at + 6] !== backslash || block[at + 7] !== 0x75) return code;
  const low = hex(block, at + 8);
  return low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : code;
}

function simple(letter: number): number {
  switch (letter) {
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    default:
      return letter;
  }
}

function hex(block: Buffer, at: number): number {
  return (
    (nibble(block[at]) << 12) | (nibble(block[at + 1]) << 8) | (nibble(block[at + 2]) << 4) | nibble(block[at + 3])
  );
}

function nibble(byte = 0x30): number {
  return byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57;
}

function writeCodePoint(code: number, out: Buffer, at: number): number {
  let to = at;
  const point = code >= 0xd800 && code < 0xe000 ? 0xfffd : code;
  if (point < 0x80) {
    out[to++] = point;
  } else if (point < 0x800) {
    out[to++] = 0xc0 | (point >> 6);
    out[to++] = 0x80 | (point & 0x3f);
  } else if (point < 0x10000) {
    out[to++] = 0xe0 | (point >> 12);
    out[to++] = 0x80 | ((point >> 6) & 0x3f);
    out[to++] = 0x80 | (point & 0x3f);
  } else {
    out[to++] = 0xf0 | (point >> 18);
    out[to++] = 0x80 | ((point >> 12) & 0x3f);
    out[to++] = 0x80 | ((point >> 6) & 0x3f);
    out[to++] = 0x80 | (point & 0x3f);
  }
  return to;
}
