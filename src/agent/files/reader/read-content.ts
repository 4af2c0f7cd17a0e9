import { readSync } from 'node:fs';
import { PodhandError } from '../../../wire/errors.ts';
import { quotePath } from '../path.ts';
import type { ChunkSink } from './chunk-sink.ts';

/**
 * Moves exactly `length` bytes of an open file, from `offset`, into the sink. What was appended since the file was opened
 * is not read. Errors: FILE_CHANGED where it has become shorter; nothing is filled up.
 */
export function readContent(
  sink: ChunkSink,
  file: { readonly fd: number; readonly path: Uint8Array },
  offset: number,
  length: number,
  step: () => void,
): void {
  for (let done = 0; done < length; ) {
    const room = sink.room();
    const wanted = Math.min(room.length, length - done);
    const got = readSync(file.fd, room, 0, wanted, offset + done);
    if (got === 0) throw shortened(file.path, offset + done);
    sink.filled(got);
    done += got;
    step();
  }
}

export function shortened(path: Uint8Array, at: number): PodhandError {
  const message = `${quotePath(path)} became shorter while it was read (it ends after ${at} bytes); call again`;
  return new PodhandError('FILE_CHANGED', message);
}
