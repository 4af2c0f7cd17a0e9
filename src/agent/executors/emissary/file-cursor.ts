import { PodhandError } from '../../../wire/errors.ts';

/** Which of the emissary's files: the name is also the kind of a cursor. */
export type OutputFile = 'stdout' | 'stderr' | 'combined';

const kinds: readonly OutputFile[] = ['stdout', 'stderr', 'combined'];
const magic = Buffer.from('emis');
const tagLength = 8;
const length = magic.length + 1 + tagLength + 8;

/** A place in one of the files of one attempt: 21 opaque bytes. */
export function encodeFileCursor(tag: Buffer, file: OutputFile, offset: number): Buffer {
  const cursor = Buffer.alloc(length);
  magic.copy(cursor);
  cursor[magic.length] = kinds.indexOf(file);
  tag.copy(cursor, magic.length + 1, 0, tagLength);
  cursor.writeDoubleLE(offset, magic.length + 1 + tagLength);
  return cursor;
}

/** Whether it is one of ours, and not of the source's log. */
export function isFileCursor(cursor: Buffer): boolean {
  return cursor.length === length && cursor.subarray(0, magic.length).equals(magic);
}

/** The offset that a cursor names. Errors: INVALID_CURSOR for one of another container, attempt or stream. */
export function decodeFileCursor(tag: Buffer, file: OutputFile, cursor: Buffer): number {
  const offset = cursor.readDoubleLE(magic.length + 1 + tagLength);
  const isOwn = cursor.subarray(magic.length + 1, magic.length + 1 + tagLength).equals(tag);
  if (!isOwn) throw invalid('it is of another container or another attempt');
  if (kinds[cursor[magic.length] ?? -1] !== file) throw invalid('it is of another stream');
  if (!Number.isSafeInteger(offset) || offset < 0) throw invalid('it names no place in a file');
  return offset;
}

function invalid(why: string): PodhandError {
  return new PodhandError('INVALID_CURSOR', `the cursor cannot be used: ${why}; start again without one`);
}
