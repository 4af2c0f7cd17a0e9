import type { LogFormat, RecordSpan, StreamIndex } from './record.ts';

const space = 0x20;
const full = 0x46;
const partial = 0x50;
/** Below this a loop is faster than a native copy. */
const shortCopy = 48;

/** `2016-10-06T00:17:09.669794202Z stdout F content`, as containerd and CRI-O write it; P instead of F: the line goes on. */
export const criFormat: LogFormat = {
  name: 'cri',
  addsNewline: true,
  parse: parseCri,
  write(block, span, out, at) {
    const { contentStart, contentEnd } = span;
    let to = at;
    if (contentEnd - contentStart < shortCopy) {
      for (let from = contentStart; from < contentEnd; from++) out[to++] = block[from] ?? 0;
    } else {
      to += block.copy(out, to, contentStart, contentEnd);
    }
    if (span.endsLine) out[to++] = 0x0a;
    return to;
  },
};

/** Also for a record whose end is not there yet: `end` is then the end of what there is. */
export function parseCri(block: Buffer, start: number, end: number, span: RecordSpan): boolean {
  // The shortest time has 20 bytes, `2016-10-06T00:17:09Z`; the longest 35.
  let at = start + 20;
  const latest = Math.min(end, start + 40);
  while (at < latest && block[at] !== space) at++;
  if (block[at] !== space || at + 9 > end) return false;
  if (block[start + 4] !== 0x2d || block[start + 10] !== 0x54) return false;
  span.timeStart = start;
  span.timeEnd = at;
  const stream = streamAt(block, at + 1);
  const tag = block[at + 8];
  if (stream === undefined || block[at + 7] !== space || (tag !== full && tag !== partial)) return false;
  span.stream = stream;
  span.endsLine = tag === full;
  const content = afterTags(block, at + 9, end);
  if (content < 0) return false;
  span.contentStart = content;
  span.contentEnd = end;
  return true;
}

/** `stdout` or `stderr`. */
function streamAt(block: Buffer, at: number): StreamIndex | undefined {
  if (block[at] !== 0x73 || block[at + 1] !== 0x74 || block[at + 2] !== 0x64) return undefined;
  if (block[at + 3] === 0x6f && block[at + 4] === 0x75 && block[at + 5] === 0x74) return 0;
  return block[at + 3] === 0x65 && block[at + 4] === 0x72 && block[at + 5] === 0x72 ? 1 : undefined;
}

/** Further tags may follow the first, each after a colon. -1: something else does. */
function afterTags(block: Buffer, start: number, end: number): number {
  let at = start;
  if (at < end && block[at] !== space && block[at] !== 0x3a) return -1;
  const latest = Math.min(end, start + 64);
  while (at < latest && block[at] !== space) at++;
  if (at < end && block[at] !== space) return -1;
  return Math.min(at + 1, end);
}
