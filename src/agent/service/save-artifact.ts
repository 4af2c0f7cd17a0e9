import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { PodhandError } from '../../wire/errors.ts';
import type { SaveArtifactRequest__Output } from '../../wire/generated/podhand/v1/SaveArtifactRequest.ts';
import type { SaveArtifactResponse } from '../../wire/generated/podhand/v1/SaveArtifactResponse.ts';
import type { CallContext } from '../connection/caller.ts';
import { Latest } from '../files/latest.ts';
import { parsePath } from '../files/path.ts';
import { writeStream } from '../files/save.ts';
import type { CopyDestination, CopyResult, FileSource } from '../files/source.ts';
import { isRefusal } from './audited.ts';
import { encode, formatOf, openBody } from './collect-artifact.ts';
import { limitsFor, type ServiceDependencies } from './dependencies.ts';
import { trailer } from './messages.ts';
import { openFiles } from './read-file.ts';

type Progress = Parameters<CopyDestination['progress']>[0];

export async function* saveArtifact(
  dependencies: ServiceDependencies,
  context: CallContext,
  request: SaveArtifactRequest__Output,
): AsyncGenerator<SaveArtifactResponse> {
  const path = parsePath(request.path, { directory: true });
  const destinationPath = parsePath(request.destination);
  const root = dependencies.openCallerRoot(context);
  try {
    const source = await openFiles(dependencies, context, request.container);
    try {
      const progress = new Latest<Progress>();
      const destination = {
        root,
        path: destinationPath,
        overwrite: request.overwrite,
        progress: (now: Progress) => progress.set(now),
      };
      const nothingDone = context.audit?.begun(request.container);
      const saved = save(dependencies, context, request, source, path, destination).finally(() => progress.end());
      // Awaited below; an error before that must not count as unhandled.
      saved.catch((error: unknown) => isRefusal(error) && nothingDone?.());
      for await (const now of progress) yield { progress: now };
      const { result, sha256 } = await saved;
      context.facts.bytes = result.size;
      yield { result: trailer(result.size, result, sha256) };
    } finally {
      source.release();
    }
  } finally {
    closeSync(root.rootFd);
  }
}

async function save(
  dependencies: ServiceDependencies,
  context: CallContext,
  request: SaveArtifactRequest__Output,
  source: FileSource,
  path: Buffer,
  destination: CopyDestination,
): Promise<{ result: CopyResult; sha256: Buffer }> {
  const format = formatOf(request.format);
  const limits = limitsFor(dependencies.config, request.maxBytes);
  if (format === 'ARCHIVE_FORMAT_RAW') {
    if (request.checksum) throw new PodhandError('INVALID_REQUEST', 'checksum is given for the archive formats only');
    return { result: await source.copyTo(path, destination, limits, context.signal), sha256: Buffer.alloc(0) };
  }
  const body = await openBody(source, format, [path, limits, context.signal]);
  const hash = createHash('sha256');
  const size = await writeStream(
    dependencies.saving(context.pod.uid),
    destination,
    tap(
      encode(body, format, request.compressionLevel, context.signal),
      (chunk) => request.checksum && hash.update(chunk),
    ),
    context.signal,
  );
  return { result: { ...body.summary(), size }, sha256: request.checksum ? hash.digest() : Buffer.alloc(0) };
}

async function* tap(chunks: AsyncIterable<Buffer>, look: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    look(chunk);
    yield chunk;
  }
}
