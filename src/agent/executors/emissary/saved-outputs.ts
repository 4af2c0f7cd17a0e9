import { closeSync } from 'node:fs';
import { PodhandError, type Reason } from '../../../wire/errors.ts';
import { createHeldRootSource } from '../../files/held-root-source.ts';
import { baseName, quotePath } from '../../files/path.ts';
import { extractTo, writeStream } from '../../files/save.ts';
import type { CopyDestination, CopyResult, FileBody, FileSource, TreeLimits } from '../../files/source.ts';
import type { SaveOptions } from '../../files/write-place.ts';
import { nodeRoot } from '../../kubernetes/container-user.ts';
import { mayBecomeOthers, ownFileCredentials } from '../../linux/credentials.ts';
import { ownMount } from '../../linux/own-mount.ts';
import type { Container } from '../../pods/model.ts';
import type { FilesRole } from '../roles.ts';
import type { EmissaryContainers } from './emissary-containers.ts';
import { SavedArchive } from './saved-archive.ts';

/** The one whose outputs an emissary saves. */
const saving = 'main';
/** Why what is beneath does not reach a path that the emissary may have saved. */
const outOfReach: readonly Reason[] = ['BASE_LAYER_NOT_OFFERED', 'CONTAINER_NOT_SEEN'];

interface Parts {
  readonly containers: EmissaryContainers;
  /** Reads volumes, and the base layer where containers are held. */
  readonly beneath: FilesRole;
  saving(podUid: string): SaveOptions;
}

/** Files as what is beneath reads them; what it does not reach, as far as the emissary has saved it. */
export class EmissaryFiles implements FilesRole {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async open(container: Container, signal: AbortSignal): Promise<FileSource> {
    const saved = new SavedOutputs(this.#parts, container);
    try {
      return new ReachingSource(await this.#parts.beneath.open(container, signal), saved);
    } catch (error) {
      if (!isOutOfReach(error) || !saved.isThere) throw error;
      return saved;
    }
  }
}

class ReachingSource implements FileSource {
  readonly #beneath: FileSource;
  readonly #saved: SavedOutputs;

  constructor(beneath: FileSource, saved: SavedOutputs) {
    this.#beneath = beneath;
    this.#saved = saved;
  }

  readonly readFile: FileSource['readFile'] = (...call) => this.#reach((source) => source.readFile(...call));
  readonly readTar: FileSource['readTar'] = (...call) => this.#reach((source) => source.readTar(...call));
  readonly copyTo: FileSource['copyTo'] = (...call) => this.#reach((source) => source.copyTo(...call));

  release(): void {
    this.#beneath.release();
  }

  async #reach<T>(action: (source: FileSource) => Promise<T>): Promise<T> {
    try {
      return await action(this.#beneath);
    } catch (error) {
      if (!isOutOfReach(error)) throw error;
      return await action(this.#saved);
    }
  }
}

/** What is below `outputs/` in the shared volume: each call opens what it needs, and closes it with its body. */
class SavedOutputs implements FileSource {
  readonly #parts: Parts;
  readonly #container: Container;

  constructor(parts: Parts, container: Container) {
    this.#parts = parts;
    this.#container = container;
  }

  get isThere(): boolean {
    if (this.#container.name !== saving) return false;
    using volume = this.#parts.containers.volume(this.#container.podUid)?.open();
    return volume?.has('outputs') === true;
  }

  async readFile(...call: Parameters<FileSource['readFile']>): Promise<FileBody> {
    const [path, limits, signal] = call;
    const archive = await this.#archive(path, signal);
    if (archive !== undefined) return archive.file(limits);
    return await this.#parameter(path, (source) => source.readFile(...call));
  }

  async readTar(...call: Parameters<FileSource['readTar']>): Promise<FileBody> {
    const [path, limits, signal] = call;
    const archive = await this.#archive(path, signal);
    if (archive !== undefined) return archive.tar(limits);
    return await this.#parameter(path, (source) => source.readTar(...call));
  }

  async copyTo(path: Buffer, to: CopyDestination, limits: TreeLimits, signal: AbortSignal): Promise<CopyResult> {
    const archive = await this.#archive(path, signal);
    if (archive === undefined) return await this.#parameter(path, (source) => source.copyTo(path, to, limits, signal));
    const options = this.#parts.saving(this.#container.podUid);
    if (!archive.isFile) return await extractTo(options, to, archive.tar(limits).chunks, limits, signal);
    const body = archive.file(limits);
    const size = await writeStream(options, to, body.chunks, signal);
    return { ...body.summary(), size };
  }

  release(): void {
    // Nothing is held between the calls.
  }

  async #archive(path: Buffer, signal: AbortSignal): Promise<SavedArchive | undefined> {
    const { name, podUid } = this.#container;
    if (name !== saving) return undefined;
    using volume = this.#parts.containers.volume(podUid)?.open();
    const file = volume?.file(Buffer.concat([Buffer.from('outputs/artifacts'), path, Buffer.from('.tgz')]));
    return file && (await SavedArchive.open(file.fd, path, signal));
  }

  async #parameter<T>(path: Buffer, action: (source: FileSource) => Promise<T>): Promise<T> {
    const { name, podUid } = this.#container;
    using volume = name === saving ? this.#parts.containers.volume(podUid)?.open() : undefined;
    const rootFd = volume?.directory('outputs/parameters');
    if (rootFd === undefined) throw notSaved(path, name);
    const mount = ownMount(rootFd);
    const source = createHeldRootSource({
      ...this.#parts.saving(podUid),
      rootFd,
      mounts: mount === undefined ? [] : [{ ...mount, kind: 'emptyDir' }],
      volume: { name: baseName(path) },
      // All that is there the pod alone has written.
      credentials: mayBecomeOthers() ? nodeRoot : ownFileCredentials(),
      allowedMounts: ['emptyDir'],
      onRelease: () => closeSync(rootFd),
    });
    try {
      return await action(source);
    } catch (error) {
      throw error instanceof PodhandError && error.reason === 'FILE_NOT_FOUND' ? notSaved(path, name) : error;
    } finally {
      source.release();
    }
  }
}

function isOutOfReach(error: unknown): error is PodhandError {
  return error instanceof PodhandError && outOfReach.includes(error.reason);
}

function notSaved(path: Buffer, container: string): PodhandError {
  const what =
    container === saving
      ? 'the emissary has not saved it: name it in the outputs of the template'
      : `only outputs of the container "${saving}" are saved by the emissary`;
  const message = `${quotePath(path)} lies on the container's base layer, and ${what}, have it written to a volume (an emptyDir), or set emissary.hold`;
  return new PodhandError('BASE_LAYER_NOT_OFFERED', message);
}
