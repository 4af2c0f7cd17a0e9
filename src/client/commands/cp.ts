import { PodhandError } from '../../wire/errors.ts';
import type { ArtifactTrailer__Output } from '../../wire/generated/podhand/v1/ArtifactTrailer.ts';
import { formatBytes } from '../../wire/quantity.ts';
import { archiveFormats, type FormatName } from '../cli/archive-formats.ts';
import { type ContainerPlace, containerPlace, pathBytes } from '../cli/container-path.ts';
import type { Session } from '../cli/session.ts';
import { extractTo } from '../files/extracted-tree.ts';
import { IncomingArtifact } from '../files/incoming-artifact.ts';
import { checkReplacing, landingPlace } from '../files/landing-place.ts';
import { baseName } from '../files/paths.ts';
import { storeArchive } from '../files/stored-archive.ts';
import { plain } from '../output/plain.ts';
import { startProgress } from '../output/progress.ts';
import { skippedText } from '../output/skipped.ts';

export interface CpOptions {
  readonly container?: string;
  readonly format?: FormatName;
  readonly overwrite?: boolean;
  readonly maxBytes?: number;
}

/** `podhand cp`: a file or tree of a container to here, as it is or as an archive. */
export async function cp(session: Session, place: string, destination: string, options: CpOptions): Promise<number> {
  const source = containerPlace(place, options.container);
  if (destination === '-') {
    await print(session, source, options);
    return 0;
  }
  const { format, overwrite = false } = options;
  const name = format === undefined ? '' : archiveFormats[format].ending;
  const target = landingPlace(pathBytes(destination), Buffer.concat([baseName(source.path), Buffer.from(name)]));
  checkReplacing(target, overwrite && format === undefined);
  const trailer = await transfer(session, source, options, async (chunks) => {
    if (format === undefined) await extractTo(target, chunks);
    else await storeArchive(target, chunks);
  });
  await report(session, target, trailer);
  return 0;
}

async function print(session: Session, source: ContainerPlace, options: CpOptions): Promise<void> {
  await transfer(session, source, options, async (chunks) => {
    for await (const chunk of chunks) await session.write(chunk);
  });
}

async function transfer(
  session: Session,
  source: ContainerPlace,
  { format = 'tar', maxBytes = 0 }: CpOptions,
  take: (chunks: AsyncIterable<Buffer>) => Promise<void>,
): Promise<ArtifactTrailer__Output> {
  const progress = await startProgress(source.container, session.quiet);
  try {
    const request = { ...source, format: archiveFormats[format].format, maxBytes };
    const artifact = new IncomingArtifact(session.client.collectArtifact(request, session.call), progress.update);
    await take(artifact.chunks());
    if (artifact.trailer === undefined) throw new PodhandError('INTERNAL', 'the artifact was not taken to its end');
    return artifact.trailer;
  } finally {
    progress.stop();
  }
}

async function report(session: Session, target: Buffer, trailer: ArtifactTrailer__Output): Promise<void> {
  session.note(
    `${target}: ${trailer.entries} entries, ${formatBytes(trailer.contentBytes)}${skippedText(trailer.skipped)}`,
  );
  if (session.format !== 'table') await session.print({ destination: target.toString(), ...plain(trailer) }, () => '');
}
