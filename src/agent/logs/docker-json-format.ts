import { writeUnescaped } from './json-string.ts';
import type { LogFormat, RecordSpan } from './record.ts';

const quote = 0x22;
const backslash = 0x5c;
const head = Buffer.from('{"log":"');
const streamKey = Buffer.from('","stream":"std');
const timeKey = Buffer.from('","time":"');
const attrsKey = Buffer.from('","attrs":{');

/** `{"log":"content\n","stream":"stdout","time":"..."}`, as docker's json-file driver writes it. */
export const dockerJsonFormat: LogFormat = {
  name: 'docker-json',
  addsNewline: false,
  parse: parseDockerJson,
  write: (block, span, out, at) => writeUnescaped(block, span.contentStart, span.contentEnd, out, at),
};

function parseDockerJson(block: Buffer, start: number, end: number, span: RecordSpan): boolean {
  // Read from its end, where its form is fixed: the content cannot hold a quote without a backslash before it.
  if (end - start < 58 || block[end - 1] !== 0x7d || block[end - 2] !== quote) return false;
  const timeEnd = end - 2;
  let at = timeEnd - 1;
  const earliest = Math.max(start, timeEnd - 40);
  while (at > earliest && block[at] !== quote) at--;
  span.timeStart = at + 1;
  span.timeEnd = timeEnd;
  // `at` is the quote that opens the time; the value of "stream" (or the brace of "attrs") ends before `","time":`.
  const streamEnd = at - timeKey.length + 1;
  if (block[streamEnd] === quote && endsWith(block, at + 1, timeKey)) return stream(block, start, streamEnd, span);
  return block[streamEnd] === 0x7d && withAttributes(block, start, at, span);
}

/** `streamEnd`: the quote after the value of "stream". */
function stream(block: Buffer, start: number, streamEnd: number, span: RecordSpan): boolean {
  const last = block[streamEnd - 1];
  if (last === 0x74 && block[streamEnd - 2] === 0x75 && block[streamEnd - 3] === 0x6f) span.stream = 0;
  else if (last === 0x72 && block[streamEnd - 2] === 0x72 && block[streamEnd - 3] === 0x65) span.stream = 1;
  else return false;
  const keyEnd = streamEnd - 3;
  const contentEnd = keyEnd - streamKey.length;
  if (contentEnd < start + head.length || !endsWith(block, keyEnd, streamKey)) return false;
  if (!endsWith(block, start + head.length, head)) return false;
  span.contentStart = start + head.length;
  span.contentEnd = contentEnd;
  span.endsLine =
    block[contentEnd - 1] === 0x6e &&
    block[contentEnd - 2] === backslash &&
    isEscape(block, span.contentStart, contentEnd - 2);
  return true;
}

/** With the log options `labels`, `env` or `tag` a map of strings stands between "stream" and "time". */
function withAttributes(block: Buffer, start: number, timeQuote: number, span: RecordSpan): boolean {
  // A quote inside the map's strings is escaped, so that the key can be found from the record's start: the first
  // unescaped quote ends the content.
  let at = start + head.length;
  for (;;) {
    at = block.indexOf(quote, at);
    if (at < 0 || at >= timeQuote) return false;
    if (!isEscape(block, start + head.length, at - 1)) break;
    at++;
  }
  const streamEnd = at + streamKey.length + 3;
  const attrs = block.subarray(streamEnd, streamEnd + attrsKey.length);
  return attrs.equals(attrsKey) && stream(block, start, streamEnd, span);
}

/** Whether `bytes` stand right before `end`. */
function endsWith(block: Buffer, end: number, bytes: Buffer): boolean {
  let at = end - bytes.length;
  if (at < 0) return false;
  for (let index = 0; index < bytes.length; index++) if (block[at++] !== bytes[index]) return false;
  return true;
}

/** Whether the byte at `at` is a backslash that is not itself escaped. */
function isEscape(block: Buffer, start: number, at: number): boolean {
  let run = 0;
  for (let from = at; from >= start && block[from] === backslash; from--) run++;
  return run % 2 === 1;
}
