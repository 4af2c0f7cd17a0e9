import type { LogFormat, RecordSpan } from './record.ts';

const space = 0x20;
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
  // "std" + "out" or "err"
  if (block[at + 1] !== 0x73 || block[at + 2] !== 0x74 || block[at + 3] !== 0x64 || block[at + 7] !== space)
    return false;
  if (block[at + 4] === 0x6f && block[at + 5] === 0x75 && block[at + 6] === 0x74) span.stream = 0;
  else if (block[at + 4] === 0x65 && block[at + 5] === 0x72 && block[at + 6] === 0x72) span.stream = 1;
  else return false;
  const tag = block[at + 8];
  if (tag !== 0x46 && tag !== 0x50) return false;
  span.endsLine = tag === 0x46;
  // Further tags may follow the first after a colon.
  let content = at + 9;
  const latestTag = Math.min(end, content + 64);
  if (content < end && block[content] !== space && block[content] !== 0x3a) return false;
  while (content < latestTag && block[content] !== space) content++;
  if (content < end && block[content] !== space) return false;
  span.contentStart = Math.min(content + 1, end);
  span.contentEnd = end;
  return true;
}
