import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { PodhandError } from '../../../wire/errors.ts';
import { ArchiveTree, wrongType } from '../../files/archive/archive-tree.ts';
import { closing } from '../../files/archive/closing.ts';
import { factsOf, type ReadEntry, TarReader } from '../../files/archive/tar-reader.ts';
import { fileTooLarge } from '../../files/budget.ts';
import { baseName, quotePath } from '../../files/path.ts';
import type { FileBody, TreeLimits, TreeSummary } from '../../files/source.ts';

const noneSkipped = { fifos: 0, sockets: 0, devices: 0, mounts: 0, vanished: 0 };

/** An artifact that the emissary has packed: a gzipped tar which the pod may have changed since. Read once, then closed. */
export class SavedArchive {
  readonly #path: Buffer;
  readonly #reader: TarReader;
  readonly #first: ReadEntry;
  readonly #close: () => void;
  readonly #signal: AbortSignal;

  private constructor(path: Buffer, reader: TarReader, first: ReadEntry, close: () => void, signal: AbortSignal) {
    this.#path = path;
    this.#reader = reader;
    this.#first = first;
    this.#close = close;
    this.#signal = signal;
  }

  /** Takes over `fd`, which is closed when `signal` aborts at the latest. Errors: FILE_CHANGED. */
  static async open(fd: number, path: Buffer, signal: AbortSignal): Promise<SavedArchive> {
    const packed = createReadStream('', { fd });
    const unpacked = createGunzip();
    const close = () => {
      packed.destroy();
      unpacked.destroy();
    };
    // A call may end before it has asked for any of it.
    signal.addEventListener('abort', close, { once: true });
    // Told to whoever reads.
    packed.on('error', (error) => unpacked.destroy(error));
    packed.pipe(unpacked);
    const chunks: AsyncIterator<Buffer> = unpacked[Symbol.asyncIterator]();
    const reader = new TarReader({
      read: async () => {
        signal.throwIfAborted();
        const next = await chunks.next();
        return next.done === true ? undefined : [next.value];
      },
    });
    try {
      const first = await reader.next();
      if (first === undefined) throw changed(path);
      return new SavedArchive(path, reader, first, close, signal);
    } catch (error) {
      close();
      throw failed(error, path, signal);
    }
  }

  get isFile(): boolean {
    return this.#first.type === 'file';
  }

  /** The one file that it holds. Errors: NOT_A_REGULAR_FILE, FILE_TOO_LARGE. */
  file({ maxFileBytes }: TreeLimits): FileBody {
    const { type, size } = this.#first;
    const refusal =
      type !== 'file'
        ? wrongType(this.#path, type, 'file')
        : size > maxFileBytes
          ? fileTooLarge(this.#path, size, maxFileBytes)
          : undefined;
    if (refusal !== undefined) {
      this.#close();
      throw refusal;
    }
    const summary: TreeSummary = { contentBytes: size, entries: 1, skipped: noneSkipped };
    return this.#body(this.#reader.content(), () => summary);
  }

  /** All of it as a tar whose names were checked. */
  tar(limits: TreeLimits): FileBody {
    const tree = new ArchiveTree({
      reader: this.#reader,
      name: baseName(this.#path),
      limits,
      isLeftOut: () => false,
    });
    return this.#body(tree.chunks(this.#first), () => tree.summary());
  }

  #body(chunks: AsyncGenerator<Buffer>, summary: () => TreeSummary): FileBody {
    const told = (error: unknown) => failed(error, this.#path, this.#signal);
    return { facts: factsOf(this.#first), chunks: closing(this.#close, chunks, told), summary };
  }
}

function failed(error: unknown, path: Buffer, signal: AbortSignal): unknown {
  signal.throwIfAborted();
  return error instanceof PodhandError ? error : changed(path, error);
}

function changed(path: Buffer, cause?: unknown): PodhandError {
  const message = `what was saved of ${quotePath(path)} in the shared volume is not what the emissary writes`;
  return new PodhandError('FILE_CHANGED', message, { cause });
}
