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
    if (end - from < shortRun) {
      while (from < end) {
        const byte = block[from] as number;
        if (byte === backslash) break;
        out[to++] = byte;
        from++;
      }
    } else {
      const next = block.indexOf(backslash, from);
      const runEnd = next < 0 || next > end ? end : next;
      to += block.copy(out, to, from, runEnd);
      from = runEnd;
    }
    if (from >= end) break;
    const letter = block[from + 1] as number;
    if (letter !== 0x75) {
      out[to++] = simple(letter);
      from += 2;
      continue;
    }
    let code = hex(block, from + 2);
    from += 6;
    if (code >= 0xd800 && code < 0xdc00 && block[from] === backslash && block[from + 1] === 0x75 && from + 6 <= end) {
      const low = hex(block, from + 2);
      if (low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        from += 6;
      }
    }
    to = writeCodePoint(code, out, to);
  }
  return to;
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
