import { createHash } from 'node:crypto';
import { PodhandError } from '../../wire/errors.ts';
import type { ArtifactHeader__Output } from '../../wire/generated/podhand/v1/ArtifactHeader.ts';
import type { ArtifactTrailer__Output } from '../../wire/generated/podhand/v1/ArtifactTrailer.ts';
import type { CollectArtifactResponse__Output } from '../../wire/generated/podhand/v1/CollectArtifactResponse.ts';

type Source = AsyncIterable<CollectArtifactResponse__Output>;

/** What happens to the bytes of an artifact on their way; gets the bytes so far and the size where it is known. */
export type OnBytes = (bytes: number, total: number) => void;

/**
 * The content of a CollectArtifact stream, checked: it ends cleanly only if the trailer came and its size and sha256
 * are those of the bytes that passed. `trailer` is set from then on.
 */
export class IncomingArtifact {
  readonly #source: Source;
  readonly #onBytes: OnBytes;
  header: ArtifactHeader__Output | undefined;
  trailer: ArtifactTrailer__Output | undefined;

  constructor(source: Source, onBytes: OnBytes = () => undefined) {
    this.#source = source;
    this.#onBytes = onBytes;
  }

  async *chunks(): AsyncGenerator<Buffer, void, undefined> {
    const hash = createHash('sha256');
    let size = 0;
    for await (const { header, chunk, trailer } of this.#source) {
      if (header) this.header = header;
      if (trailer) this.trailer = trailer;
      if (chunk === undefined) continue;
      hash.update(chunk);
      size += chunk.length;
      const { info } = this.header ?? {};
      this.#onBytes(size, info?.type === 'FILE_TYPE_REGULAR' ? info.size : 0);
      yield chunk;
    }
    if (this.trailer === undefined)
      throw new PodhandError('INTERNAL', 'the artifact is not complete: its trailer is missing');
    if (this.trailer.size !== size || !hash.digest().equals(this.trailer.sha256)) {
      throw new PodhandError('INTERNAL', 'the artifact is damaged: its size or sha256 is not what the agent sent');
    }
  }
}
