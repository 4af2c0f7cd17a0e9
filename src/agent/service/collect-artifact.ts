import { createHash } from 'node:crypto';
import { PodhandError } from '../../wire/errors.ts';
import type { CollectArtifactRequest__Output } from '../../wire/generated/podhand/v1/CollectArtifactRequest.ts';
import type { CollectArtifactResponse } from '../../wire/generated/podhand/v1/CollectArtifactResponse.ts';
import type { CallContext } from '../connection/caller.ts';
import { gzip } from '../files/compress/gzip.ts';
import { zstd } from '../files/compress/zstd.ts';
import { parsePath } from '../files/path.ts';
import { PacedReceiver } from '../files/receiver.ts';
import { recut } from '../files/recut.ts';
import type { FileBody, FileSource } from '../files/source.ts';
import { limitsFor, type ServiceDependencies } from './dependencies.ts';
import { fileInfo, trailer } from './messages.ts';
import { openFiles } from './read-file.ts';

type Format = CollectArtifactRequest__Output['format'];

export async function* collectArtifact(
  dependencies: ServiceDependencies,
  context: CallContext,
  request: CollectArtifactRequest__Output,
): AsyncGenerator<CollectArtifactResponse> {
  const format = formatOf(request.format);
  const path = parsePath(request.path, { directory: format !== 'ARCHIVE_FORMAT_RAW' });
  const limits = limitsFor(dependencies.config, request.maxBytes);
  const source = await openFiles(dependencies, context, request.container);
  try {
    const receiver = new PacedReceiver(dependencies.config.limits.transferRate);
    const body = await openBody(source, format, [path, limits, context.signal, receiver]);
    context.audit?.begun(request.container);
    yield { header: { info: fileInfo(body.facts), format } };
    const hash = createHash('sha256');
    let size = 0;
    const encoded = recut(encode(body, format, request.compressionLevel, context.signal));
    for await (const chunk of receiver.taking(encoded)) {
      size += chunk.length;
      hash.update(chunk);
      context.facts.bytes = size;
      yield { chunk };
    }
    context.facts.bytes = size;
    yield { trailer: trailer(size, body.summary(), hash.digest()) };
  } finally {
    source.release();
  }
}

export function formatOf(format: Format): Format {
  return format === 'ARCHIVE_FORMAT_UNSPECIFIED' ? 'ARCHIVE_FORMAT_TAR_GZIP' : format;
}

export function openBody(
  source: FileSource,
  format: Format,
  call: Parameters<FileSource['readFile']>,
): Promise<FileBody> {
  return format === 'ARCHIVE_FORMAT_RAW' ? source.readFile(...call) : source.readTar(...call);
}

/** The body in the format that is asked for. Errors: INVALID_REQUEST for a level that the format does not have. */
export function encode(body: FileBody, format: Format, level: number, signal: AbortSignal): AsyncIterable<Buffer> {
  const most = format === 'ARCHIVE_FORMAT_TAR_GZIP' ? 9 : format === 'ARCHIVE_FORMAT_TAR_ZSTD' ? 19 : 0;
  if (level < 0 || level > most) {
    throw new PodhandError(
      'INVALID_REQUEST',
      'compression_level is 1 to 9 for gzip, 1 to 19 for zstd, 0 for the default',
    );
  }
  if (format === 'ARCHIVE_FORMAT_TAR_GZIP') return gzip(body.chunks, level, signal);
  if (format === 'ARCHIVE_FORMAT_TAR_ZSTD') return zstd(body.chunks, level, signal);
  return body.chunks;
}
