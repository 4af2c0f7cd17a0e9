import { PodhandError } from '../../../../wire/errors.ts';
import { ArchiveTree, wrongType } from '../../../files/archive/archive-tree.ts';
import { closing } from '../../../files/archive/closing.ts';
import { factsOf, type ReadEntry, TarReader } from '../../../files/archive/tar-reader.ts';
import { fileTooLarge } from '../../../files/budget.ts';
import { baseName, components, quotePath } from '../../../files/path.ts';
import type {
  CopyDestination,
  CopyResult,
  FileBody,
  FileSource,
  TreeLimits,
  TreeSummary,
} from '../../../files/source.ts';
import type { ResponseStream } from '../../../http/response-stream.ts';
import type { Engine } from '../engine.ts';
import { translateEngineError } from '../engine-error.ts';
import { type ArchiveMountOptions, ArchiveMounts, type AskedMount } from './archive-mounts.ts';
import { ArchivePaths, type CanonicalPath } from './archive-paths.ts';

/** Writes into a volume of the caller's container: whole or not at all. Both answer the bytes written. */
export interface SaveFunctions {
  /** One regular file of these bytes. */
  file(destination: CopyDestination, chunks: AsyncIterable<Buffer>, signal: AbortSignal): Promise<number>;
  /** The tree that a tar holds; its one top entry becomes the destination. */
  tree(
    destination: CopyDestination,
    tar: AsyncIterable<Buffer>,
    limits: TreeLimits,
    signal: AbortSignal,
  ): Promise<number>;
}

export interface ArchiveSourceOptions extends ArchiveMountOptions {
  readonly engine: Engine;
  readonly id: string;
  readonly mounts: readonly AskedMount[];
  readonly save: SaveFunctions;
}

const noneSkipped = { fifos: 0, sockets: 0, devices: 0, mounts: 0, vanished: 0 };

/**
 * The files of a container that has ended and is not held: through the engine's archive, which reads with the rights of
 * the engine and not with those of the container's user. Never for a container that runs, which could swap names under
 * the engine's hands.
 */
export async function openArchiveSource(options: ArchiveSourceOptions, signal: AbortSignal): Promise<FileSource> {
  const paths = new ArchivePaths(options.engine, options.id);
  const mounts = await ArchiveMounts.open(options.mounts, options.allowed, (path) => placeOf(paths, path, signal));
  return new ArchiveSource(paths, mounts, options.save);
}

/** Where a mount is: the engine resolved the links in its destination. What is not there (any more) is where it was asked for. */
async function placeOf(paths: ArchivePaths, destination: Buffer, signal: AbortSignal): Promise<Buffer> {
  try {
    return (await paths.canonical(destination, () => {}, signal)).path;
  } catch (error) {
    if (error instanceof PodhandError && error.reason === 'FILE_NOT_FOUND') return destination;
    throw error;
  }
}

class ArchiveSource implements FileSource {
  readonly #paths: ArchivePaths;
  readonly #mounts: ArchiveMounts;
  readonly #save: SaveFunctions;

  constructor(paths: ArchivePaths, mounts: ArchiveMounts, save: SaveFunctions) {
    this.#paths = paths;
    this.#mounts = mounts;
    this.#save = save;
  }

  async readFile(path: Buffer, limits: TreeLimits, signal: AbortSignal): Promise<FileBody> {
    return await this.#file(path, await this.#find(path, limits, signal), limits, signal);
  }

  async readTar(path: Buffer, limits: TreeLimits, signal: AbortSignal): Promise<FileBody> {
    return await this.#tar(path, await this.#find(path, limits, signal), limits, signal);
  }

  async copyTo(
    path: Buffer,
    destination: CopyDestination,
    limits: TreeLimits,
    signal: AbortSignal,
  ): Promise<CopyResult> {
    const found = await this.#find(path, limits, signal);
    const isFile = found.stat.type === 'file';
    const body = isFile ? await this.#file(path, found, limits, signal) : await this.#tar(path, found, limits, signal);
    const size = isFile
      ? await this.#save.file(destination, body.chunks, signal)
      : await this.#save.tree(destination, body.chunks, limits, signal);
    return { ...body.summary(), size };
  }

  release(): void {
    // Nothing is held between calls.
  }

  /** The path without links, its size checked before a byte is read. */
  async #find(path: Buffer, limits: TreeLimits, signal: AbortSignal): Promise<CanonicalPath> {
    const found = await this.#paths.canonical(path, (place) => this.#mounts.check(place), signal);
    const { type, size } = found.stat;
    if (type === 'file' && size > limits.maxFileBytes) throw fileTooLarge(path, size, limits.maxFileBytes);
    return found;
  }

  async #file(path: Buffer, found: CanonicalPath, limits: TreeLimits, signal: AbortSignal): Promise<FileBody> {
    if (found.stat.type !== 'file') throw wrongType(path, found.stat.type, 'file');
    return await this.#open(found.path, signal, (stream, reader, first) => {
      if (first.type !== 'file') throw changed(path);
      if (first.size > limits.maxFileBytes) throw fileTooLarge(path, first.size, limits.maxFileBytes);
      const summary: TreeSummary = { contentBytes: first.size, entries: 1, skipped: noneSkipped };
      return {
        facts: factsOf(first),
        chunks: closing(() => stream.close(), reader.content(), failed(signal)),
        summary: () => summary,
      };
    });
  }

  async #tar(path: Buffer, found: CanonicalPath, limits: TreeLimits, signal: AbortSignal): Promise<FileBody> {
    const { type } = found.stat;
    if (type !== 'file' && type !== 'directory') throw wrongType(path, type, 'tree');
    return await this.#open(found.path, signal, (stream, reader, first) => {
      if (first.type !== type) throw changed(path);
      const top = components(found.path);
      const isLeftOut = (below: readonly Buffer[]) => this.#mounts.isRefused(absolute([...top, ...below]));
      const tree = new ArchiveTree({ reader, name: baseName(path), limits, isLeftOut });
      return {
        facts: factsOf(first),
        chunks: closing(() => stream.close(), tree.chunks(first), failed(signal)),
        summary: () => tree.summary(),
      };
    });
  }

  async #open(
    path: Buffer,
    signal: AbortSignal,
    use: (stream: ResponseStream, reader: TarReader, first: ReadEntry) => FileBody,
  ): Promise<FileBody> {
    const stream = await this.#paths.archive(path, signal);
    try {
      const reader = new TarReader(stream);
      const first = await reader.next();
      if (first === undefined) throw changed(path);
      return use(stream, reader, first);
    } catch (error) {
      stream.close();
      signal.throwIfAborted();
      throw translateEngineError(error);
    }
  }
}

function failed(signal: AbortSignal): (error: unknown) => unknown {
  return (error) => {
    signal.throwIfAborted();
    return translateEngineError(error);
  };
}

function absolute(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts.flatMap((part) => [Buffer.from('/'), part]));
}

function changed(path: Buffer): PodhandError {
  return new PodhandError('PATH_CHANGED', `${quotePath(path)} was replaced while it was opened; call again`);
}
