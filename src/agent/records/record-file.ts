import { lstat, readFile } from 'node:fs/promises';
import { type FinalRecord, finalRecordSchema } from './final-record.ts';

/** A record is about 1 KiB; a larger file is not one of ours. */
const maxRecordBytes = 64 * 1024;

/** What the name of a file gets that is no record. */
export const setAsideEnding = '.unreadable';

export function fileNameOf({ container, restartCount }: FinalRecord): string {
  return `${encodeURIComponent(container)}-${restartCount}.json`;
}

/** The record in a file, or why it is none. Rejects where the disk does not let it be read. */
export async function readRecord(path: string): Promise<FinalRecord | string> {
  const found = await lstat(path);
  // Opening a pipe would wait for its other end.
  if (!found.isFile()) return 'no regular file';
  if (found.size > maxRecordBytes) return 'larger than a record can be';
  const text = await readFile(path, 'utf8');
  try {
    return finalRecordSchema.parse(JSON.parse(text));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
