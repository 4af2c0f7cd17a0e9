import { PodhandError } from '../../../../wire/errors.ts';
import type { ResponseStream } from '../../../http/response-stream.ts';

export type FileType = 'file' | 'directory' | 'symlink' | 'FIFO' | 'socket' | 'device';

/** What the engine says of one name, without following it. */
export interface PathStat {
  readonly type: FileType;
  readonly size: number;
}

const header = 'x-docker-container-path-stat';
const maxHeaderLength = 64 * 1024;

/** Bits of Go's FileMode, which the engine sends. */
const typeBits: readonly (readonly [bit: number, type: FileType])[] = [
  [31, 'directory'],
  [27, 'symlink'],
  [26, 'device'],
  [25, 'FIFO'],
  [24, 'socket'],
  [21, 'device'],
  // Irregular: Go knows no name for it either.
  [19, 'device'],
];

/** Reads the header with which the engine describes a path. Only its numbers: names in it are not byte for byte. */
export function readPathStat(headers: ResponseStream['headers']): PathStat {
  const value = headers[header];
  if (typeof value === 'string' && value.length <= maxHeaderLength) {
    const { size, mode } = JSON.parse(Buffer.from(value, 'base64').toString('utf8')) as {
      size?: unknown;
      mode?: unknown;
    };
    if (typeof mode === 'number' && typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) {
      const found = typeBits.find(([bit]) => Math.floor(mode / 2 ** bit) % 2 === 1);
      return { type: found?.[1] ?? 'file', size };
    }
  }
  throw new PodhandError('INTERNAL', 'the container engine does not describe the path');
}
