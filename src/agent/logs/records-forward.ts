import type { LogFile } from './log-file.ts';
import type { RecordBlock } from './records-backward.ts';

/** Also the longest record that a docker json-file can hold, with room. */
const blockBytes = 1024 * 1024;

/**
 * The whole records of a file, compressed or not, oldest first. Of a record longer than a block only the first block
 * is given.
 */
export async function* readRecordsForward(file: LogFile, signal: AbortSignal): AsyncGenerator<RecordBlock> {
  const content = file.content(0);
  const buffer = Buffer.allocUnsafe(blockBytes);
  let filled = 0;
  let offset = 0;
  let insideLong = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      const count = await content.read(buffer.subarray(filled));
      if (count === 0) return;
      filled += count;
      const starts: number[] = [];
      const ends: number[] = [];
      let at = 0;
      for (let end = 0; ; at = end + 1) {
        end = buffer.subarray(0, filled).indexOf(0x0a, at);
        if (end < 0) break;
        if (!insideLong) {
          starts.push(at);
          ends.push(end);
        }
        insideLong = false;
      }
      if (at === 0 && filled === buffer.length) {
        if (!insideLong) {
          starts.push(0);
          ends.push(filled);
        }
        insideLong = true;
        at = filled;
      }
      if (starts.length > 0) yield { block: buffer, offset, starts, ends };
      buffer.copyWithin(0, at, filled);
      filled -= at;
      offset += at;
    }
  } finally {
    content.close();
  }
}
