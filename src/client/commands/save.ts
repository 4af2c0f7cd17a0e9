import { resolve } from 'node:path';
import { PodhandError } from '../../wire/errors.ts';
import type { ArtifactTrailer__Output } from '../../wire/generated/podhand/v1/ArtifactTrailer.ts';
import { formatBytes } from '../../wire/quantity.ts';
import { archiveFormats, type FormatName } from '../cli/archive-formats.ts';
import { containerPlace, pathBytes } from '../cli/container-path.ts';
import type { Session } from '../cli/session.ts';
import { plain } from '../output/plain.ts';
import { startProgress } from '../output/progress.ts';
import { skippedText } from '../output/skipped.ts';
import type { SaveArtifactRequest } from '../requests.ts';

export interface SaveOptions {
  readonly container?: string;
  readonly format: FormatName;
  readonly level?: number;
  readonly maxBytes?: number;
  readonly overwrite?: boolean;
  readonly checksum?: boolean;
}

/** `podhand save`: the agent writes into a volume of the calling container. */
export async function save(
  session: Session,
  place: string,
  destination: string,
  options: SaveOptions,
): Promise<number> {
  const { path, container } = containerPlace(place, options.container);
  const trailer = await savedArtifact(session, {
    container,
    path,
    destination: absolute(pathBytes(destination)),
    format: archiveFormats[options.format].format,
    compressionLevel: options.level ?? 0,
    maxBytes: options.maxBytes ?? 0,
    overwrite: options.overwrite === true,
    checksum: options.checksum === true,
  });
  await session.print(plain(trailer), () => '');
  const sum = trailer.sha256.length === 0 ? '' : `, sha256 ${trailer.sha256.toString('hex')}`;
  session.note(
    `${destination}: ${trailer.entries} entries, ${formatBytes(trailer.contentBytes)}${sum}${skippedText(trailer.skipped)}`,
  );
  return 0;
}

async function savedArtifact(session: Session, request: SaveArtifactRequest): Promise<ArtifactTrailer__Output> {
  const progress = await startProgress(request.container, session.quiet);
  try {
    for await (const { progress: done, result } of session.client.saveArtifact(request, session.call)) {
      if (done) progress.update(done.bytes, done.totalBytes);
      if (result) return result;
    }
  } finally {
    progress.stop();
  }
  throw new PodhandError('INTERNAL', 'the agent ended the call without a result');
}

function absolute(path: Buffer): Buffer {
  return path[0] === 0x2f ? path : Buffer.concat([Buffer.from(`${resolve('.')}/`), path]);
}
