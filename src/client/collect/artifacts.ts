import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { PodhandError } from '../../wire/errors.ts';
import type { ArtifactTrailer__Output } from '../../wire/generated/podhand/v1/ArtifactTrailer.ts';
import { formatBytes } from '../../wire/quantity.ts';
import { archiveFormats } from '../cli/archive-formats.ts';
import { extractTo } from '../files/extracted-tree.ts';
import { IncomingArtifact } from '../files/incoming-artifact.ts';
import { storeArchive } from '../files/stored-archive.ts';
import { fromLocal } from '../local-failure.ts';
import { plain } from '../output/plain.ts';
import type { CollectContext, Ended, Report } from './context.ts';
import { type CollectedArtifact, factsOf } from './outputs.ts';
import type { ArtifactSpec } from './spec.ts';
import { isAbsence } from './values.ts';

/** One artifact, saved by the agent where the destination is on a volume, else received and written here. */
export async function takeArtifact(
  context: CollectContext,
  spec: ArtifactSpec,
  ended: Ended,
  report: Report,
): Promise<CollectedArtifact> {
  const { name, container, path, format } = spec;
  if (spec.when === 'success' && !ended.allSucceeded) return { name, status: 'skipped' };
  const destination = resolve(
    context.directory,
    spec.destination ?? `artifacts/${name}${archiveFormats[format].ending}`,
  );
  try {
    mkdirSync(dirname(destination), { recursive: true });
    const trailer = await saved(context, spec, destination);
    context.note(`artifact ${name}: ${container}:${path} to ${destination}, ${formatBytes(trailer.size)}`);
    const { size, contentBytes, entries, sha256, skipped } = trailer;
    return {
      name,
      status: 'saved',
      destination,
      format,
      size,
      contentBytes,
      entries,
      ...(sha256.length === 0 ? {} : { sha256: sha256.toString('hex') }),
      ...(skipped === null ? {} : { leftOut: plain(skipped) }),
    };
  } catch (thrown) {
    const error = fromLocal(thrown);
    const missing = isAbsence(error.reason);
    if (missing && spec.optional) context.note(`artifact ${name}: not there, and optional`);
    else report({ subject: `artifact ${name}`, excused: missing && !ended.succeeded(container), ...factsOf(error) });
    return { name, status: missing ? 'missing' : 'failed', ...factsOf(error) };
  }
}

async function saved(
  context: CollectContext,
  spec: ArtifactSpec,
  destination: string,
): Promise<ArtifactTrailer__Output> {
  try {
    return await savedByAgent(context, spec, destination);
  } catch (error) {
    // The agent writes into volumes only; anything else is written here, with this process's own rights.
    const ownPlace = error instanceof PodhandError && ownPlaces.has(error.reason);
    if (!ownPlace) throw error;
    return await received(context, spec, destination);
  }
}

const ownPlaces: ReadonlySet<string> = new Set(['DESTINATION_NOT_A_VOLUME', 'NO_CALLER_CONTAINER']);

async function savedByAgent(
  { client, call }: CollectContext,
  { container, path, format, maxBytes = 0 }: ArtifactSpec,
  destination: string,
): Promise<ArtifactTrailer__Output> {
  // A raw copy is made inside the kernel, where nobody sees the bytes: a sum is for archives.
  const target = { destination, overwrite: true, checksum: format !== 'raw' };
  const request = { container, path, format: archiveFormats[format].format, maxBytes, ...target };
  for await (const { result } of client.saveArtifact(request, call)) if (result) return result;
  throw new PodhandError('INTERNAL', 'the agent ended the call without a result');
}

async function received(
  { client, call }: CollectContext,
  { container, path, format, maxBytes = 0 }: ArtifactSpec,
  destination: string,
): Promise<ArtifactTrailer__Output> {
  // As it is, a tree can only come as an archive.
  const wire = archiveFormats[format === 'raw' ? 'tar' : format].format;
  const artifact = new IncomingArtifact(client.collectArtifact({ container, path, format: wire, maxBytes }, call));
  const target = Buffer.from(destination);
  if (format === 'raw') await extractTo(target, artifact.chunks());
  else await storeArchive(target, artifact.chunks());
  if (artifact.trailer === undefined) throw new PodhandError('INTERNAL', 'the artifact was not taken to its end');
  // The sum is of the archive that was sent, not of what was extracted from it.
  return format === 'raw' ? { ...artifact.trailer, sha256: Buffer.alloc(0) } : artifact.trailer;
}
