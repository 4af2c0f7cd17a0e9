import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PodhandError } from '../../wire/errors.ts';
import type { EntrypointRole, ImageConfig } from '../executors/roles.ts';
import { hasErrno } from '../linux/syscalls.ts';
import type { Container } from '../pods/model.ts';
import { digestOf, parseJson, readBlob, readBounded, type Sha256 } from './blob.ts';
import { configSchema, indexSchema, manifestSchema, repositoriesSchema } from './schemas.ts';

export interface ImageStorePlaces {
  /** containerd's content store. */
  readonly containerd: string;
  /** Docker's directory of images; below it is one for each storage driver. */
  readonly docker: string;
}

/** An index names manifests, a manifest its configuration. */
const maxSteps = 3;
/** As images name the machine that Node calls by another name. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/**
 * What an image runs by itself, from the files of the runtime's own image store, by the id of the image that the
 * container was made of: a digest, which what is read has to match. No socket of the runtime, no right but to read.
 */
export class ImageFiles implements EntrypointRole {
  readonly #places: ImageStorePlaces;

  constructor(places: ImageStorePlaces) {
    this.#places = places;
  }

  /** Undefined where neither of the stores is there. */
  static find(places: ImageStorePlaces): ImageFiles | undefined {
    const isThere = existsSync(join(places.containerd, 'blobs')) || existsSync(places.docker);
    return isThere ? new ImageFiles(places) : undefined;
  }

  async image({ image, imageId }: Container, signal: AbortSignal): Promise<ImageConfig> {
    const digest = digestOf(imageId);
    if (digest === undefined) {
      throw new PodhandError('IMAGE_NOT_FOUND', "the source of pods does not tell the id of the container's image");
    }
    const found = (await this.#inDocker(digest, signal)) ?? (await this.#inContainerd(digest, signal));
    if (found === undefined) {
      throw new PodhandError('IMAGE_NOT_FOUND', "the container's image is not in the node's image store any more");
    }
    const { Entrypoint, Cmd, WorkingDir, User } = found.config ?? { Entrypoint: [], Cmd: [], WorkingDir: '', User: '' };
    return { image, imageId, entrypoint: Entrypoint, cmd: Cmd, workingDir: WorkingDir, user: User };
  }

  async #inDocker(digest: Sha256, signal: AbortSignal) {
    for (const driver of await list(this.#places.docker)) {
      const directory = join(this.#places.docker, driver);
      const read = (id: Sha256) => readBlob(join(directory, 'imagedb/content/sha256', id), id, signal);
      const own = await read(digest);
      // A kubelet names an image that came from a registry by the digest of its manifest, which Docker does not keep.
      const id = own === undefined ? await this.#idInDocker(directory, digest, signal) : undefined;
      const config = configSchema.safeParse(own ?? (id && (await read(id))));
      if (config.success) return config.data;
    }
    return undefined;
  }

  async #idInDocker(directory: string, digest: Sha256, signal: AbortSignal): Promise<Sha256 | undefined> {
    const text = await readBounded(join(directory, 'repositories.json'), signal);
    const { Repositories } = repositoriesSchema.safeParse(text && parseJson(text)).data ?? { Repositories: {} };
    const names = Object.values(Repositories).flatMap((named) => Object.entries(named));
    return names.find(([name]) => name.endsWith(`@sha256:${digest}`))?.[1];
  }

  async #inContainerd(digest: Sha256, signal: AbortSignal) {
    let next: Sha256 | undefined = digest;
    for (let step = 0; step < maxSteps && next !== undefined; step++) {
      const blob = await readBlob(join(this.#places.containerd, 'blobs/sha256', next), next, signal);
      const config = configSchema.safeParse(blob);
      if (config.success) return config.data;
      next = manifestSchema.safeParse(blob).data?.config.digest ?? ofThisPlatform(indexSchema.safeParse(blob).data);
    }
    return undefined;
  }
}

function ofThisPlatform(index: { readonly manifests: readonly Manifest[] } | undefined): Sha256 | undefined {
  const architecture = architectures[process.arch] ?? process.arch;
  const own = index?.manifests.find(
    ({ platform }) => platform?.os === 'linux' && platform.architecture === architecture,
  );
  return (own ?? index?.manifests.find(({ platform }) => platform === undefined))?.digest;
}

interface Manifest {
  readonly digest: Sha256;
  readonly platform?: { readonly os: string; readonly architecture: string } | undefined;
}

/** The names in a directory; none where it is not there. */
async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}
