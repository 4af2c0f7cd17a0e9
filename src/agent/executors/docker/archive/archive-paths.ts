import { isUtf8 } from 'node:buffer';
import { PodhandError } from '../../../../wire/errors.ts';
import { type ReadEntry, TarReader } from '../../../files/archive/tar-reader.ts';
import { components, quotePath } from '../../../files/path.ts';
import type { ResponseStream } from '../../../http/response-stream.ts';
import { type Engine, enginePath } from '../engine.ts';
import { engineStatus, translateEngineError } from '../engine-error.ts';
import { type PathStat, readPathStat } from './path-stat.ts';

/** As the kernel's own bound. */
const maxLinks = 40;
const maxComponentBytes = 255;
/** How much of a directory's archive is looked through for a link that the engine cannot resolve. */
const maxLinkSearch = { bytes: 64 * 1024 * 1024, entries: 100_000 };

/** A path without links, and what is there. */
export interface CanonicalPath {
  readonly path: Buffer;
  readonly stat: PathStat;
}

/**
 * Names in the file system of an ended container, through the engine's archive API. Links are resolved here, part by
 * part, inside the container's root: the engine is only ever asked about paths that hold no link but in their last part.
 */
export class ArchivePaths {
  readonly #engine: Engine;
  readonly #id: string;

  constructor(engine: Engine, id: string) {
    this.#engine = engine;
    this.#id = id;
  }

  /**
   * `check` is called with every place on the way before the engine is asked about it; what it throws ends the walk.
   * Errors: FILE_NOT_FOUND, SYMLINK_LOOP, INVALID_PATH.
   */
  async canonical(path: Buffer, check: (path: Buffer) => void, signal: AbortSignal): Promise<CanonicalPath> {
    const todo = components(path).reverse();
    const done: CanonicalPath[] = [];
    for (let links = 0; ; ) {
      const name = todo.pop();
      if (name === undefined) return done.at(-1) ?? { path: root, stat: { type: 'directory', size: 0 } };
      if (name.equals(parent)) {
        done.pop();
        continue;
      }
      const directory = done.at(-1) ?? { path: root, stat: { type: 'directory', size: 0 } };
      if (directory.stat.type !== 'directory') throw notFound(path, ': a part of it is not a directory');
      if (name.length > maxComponentBytes)
        throw new PodhandError('INVALID_PATH', `a name in ${quotePath(path)} is too long`);
      const place = join(directory.path, name);
      check(place);
      const found = await this.#look(place, path, signal);
      if (found.stat !== undefined && found.stat.type !== 'symlink') {
        done.push({ path: place, stat: found.stat });
        continue;
      }
      if (++links > maxLinks)
        throw new PodhandError('SYMLINK_LOOP', `${quotePath(path)} leads through too many symbolic links`);
      const target = found.target ?? (await this.#readLink(place, signal));
      if (target[0] === 0x2f) done.length = 0;
      todo.push(...components(target).reverse());
    }
  }

  /**
   * The archive of a canonical path. The receiver closes it. Errors: INVALID_PATH where its last name is not UTF-8: the
   * engine hands that name on as JSON, and finds nothing.
   */
  async archive(path: Buffer, signal: AbortSignal): Promise<ResponseStream> {
    if (!isUtf8(path.subarray(path.lastIndexOf(0x2f) + 1))) {
      const message = `${quotePath(path)}: the engine gives no file by itself whose name is not UTF-8; collect its directory`;
      throw new PodhandError('INVALID_PATH', message);
    }
    try {
      return await this.#engine.stream(this.#query(path), signal);
    } catch (error) {
      signal.throwIfAborted();
      throw translateEngineError(error, { 404: ['FILE_NOT_FOUND', `${quotePath(path)} is gone, or its container is`] });
    }
  }

  /** What is at `place`; where that is a link that the engine could not follow to its end, its target. */
  async #look(place: Buffer, asked: Buffer, signal: AbortSignal): Promise<{ stat?: PathStat; target?: Buffer }> {
    try {
      return { stat: readPathStat(await this.#engine.head(this.#query(place), signal)) };
    } catch (error) {
      signal.throwIfAborted();
      const status = engineStatus(error);
      if (status === 404) throw notFound(asked, '');
      // A link to itself, or to below a file: the engine follows links for its answer, and fails. Its directory shows it.
      const target = status === 500 ? await this.#findLink(place, signal) : undefined;
      if (target !== undefined) return { target };
      throw translateEngineError(error);
    }
  }

  async #readLink(place: Buffer, signal: AbortSignal): Promise<Buffer> {
    const stream = await this.archive(place, signal);
    try {
      const entry = await new TarReader(stream).next();
      if (entry?.type === 'symlink') return entry.linkPath;
    } finally {
      stream.close();
    }
    throw new PodhandError('PATH_CHANGED', `${quotePath(place)} was replaced while it was resolved; call again`);
  }

  async #findLink(place: Buffer, signal: AbortSignal): Promise<Buffer | undefined> {
    const slash = place.lastIndexOf(0x2f);
    const name = place.subarray(slash + 1);
    const stream = await this.archive(slash === 0 ? root : place.subarray(0, slash), signal);
    try {
      const reader = new TarReader(stream);
      let bytes = 0;
      for (let entries = 0; entries < maxLinkSearch.entries && bytes <= maxLinkSearch.bytes; entries++) {
        const entry: ReadEntry | undefined = await reader.next();
        if (entry === undefined) return undefined;
        const parts = components(entry.path);
        if (entry.type === 'symlink' && parts.length <= 2 && parts.at(-1)?.equals(name) === true) return entry.linkPath;
        bytes += entry.size;
        if (bytes > maxLinkSearch.bytes) break;
      }
    } finally {
      stream.close();
    }
    throw new PodhandError(
      'SYMLINK_LOOP',
      `${quotePath(place)} is a link that leads nowhere, in a directory too large to look through`,
    );
  }

  #query(path: Buffer): string {
    return enginePath(`/containers/${this.#id}/archive`, { path });
  }
}

const root = Buffer.from('/');
const parent = Buffer.from('..');

function join(directory: Buffer, name: Buffer): Buffer {
  return directory.length === 1 ? Buffer.concat([root, name]) : Buffer.concat([directory, root, name]);
}

function notFound(path: Buffer, why: string): PodhandError {
  return new PodhandError('FILE_NOT_FOUND', `${quotePath(path)} does not exist in the container${why}`);
}
