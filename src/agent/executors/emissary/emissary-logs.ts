import { closeSync, constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { PodhandError } from '../../../wire/errors.ts';
import { containerTag } from '../../logs/cursor.ts';
import { type Container, hasEnded } from '../../pods/model.ts';
import type { LogChunk, LogOptions, LogsRole } from '../roles.ts';
import type { EmissaryContainers } from './emissary-containers.ts';
import { isOfAttempt } from './ending.ts';
import { isFileCursor, type OutputFile } from './file-cursor.ts';
import { readOutput } from './file-reading.ts';

/**
 * Output from the files that an emissary with --capture keeps; where it keeps none, and where times are asked for, from
 * the source's log.
 */
export class EmissaryLogs implements LogsRole {
  readonly #containers: EmissaryContainers;
  readonly #source: LogsRole;

  constructor(containers: EmissaryContainers, source: LogsRole) {
    this.#containers = containers;
    this.#source = source;
  }

  async *read(container: Container, options: LogOptions, signal: AbortSignal): AsyncGenerator<LogChunk> {
    const { cursor, since, timestamps, stream } = options;
    const file = stream ?? 'combined';
    if (cursor !== undefined && isFileCursor(cursor)) {
      const handle = await this.#open(container, file);
      if (handle === undefined) throw new PodhandError('LOG_LOST', 'the volume that held the output is gone');
      yield* this.#fromFile(handle, container, file, options, signal);
      return;
    }
    const needsTimes = since !== undefined || timestamps;
    const handle = cursor !== undefined || needsTimes ? undefined : await this.#open(container, file);
    if (handle !== undefined) {
      yield* this.#fromFile(handle, container, file, options, signal);
      return;
    }
    try {
      yield* this.#source.read(container, options, signal);
    } catch (error) {
      throw withHint(error, container);
    }
  }

  async *#fromFile(
    handle: FileHandle,
    container: Container,
    file: OutputFile,
    options: LogOptions,
    signal: AbortSignal,
  ): AsyncGenerator<LogChunk> {
    const { store } = this.#containers;
    const { podUid, id } = container;
    const volume = this.#containers.volume(podUid);
    const state = () => store?.byId(podUid, id);
    try {
      const reading = {
        file,
        tag: containerTag(container),
        options,
        hasEnded: () => hasEnded(state() ?? { ...container, state: 'unknown' }),
        onState: (wake: () => void, until: AbortSignal) => store?.subscribe(wake, until, podUid),
        onWritten: (wake: () => void) => volume?.onceWritten(handle.fd, wake),
      };
      yield* readOutput(handle, reading, signal);
    } finally {
      await handle.close();
    }
  }

  /** The file of the present attempt; an earlier one's was emptied for it. */
  async #open(container: Container, file: OutputFile): Promise<FileHandle | undefined> {
    const { podUid, name, id } = container;
    const { store } = this.#containers;
    if (store?.container(podUid, name)?.id !== id) return undefined;
    const shared = this.#containers.volume(podUid);
    const end = shared?.ending(name);
    // Its emissary has not begun: what is there is of the attempt before.
    if (end !== undefined && !isOfAttempt(end, container)) return undefined;
    using volume = shared?.open();
    const opened = volume?.file(`ctr/${name}/${file}`);
    if (opened === undefined) return undefined;
    try {
      return await open(`/proc/self/fd/${opened.fd}`, constants.O_RDONLY | constants.O_NONBLOCK);
    } finally {
      closeSync(opened.fd);
    }
  }
}

function withHint(error: unknown, { name }: Container): unknown {
  if (!(error instanceof PodhandError)) return error;
  const { reason, details, message } = error;
  const hint = `the emissary of container "${name}" keeps no such output in files (--capture does, but not of a terminal)`;
  if (reason === 'LOG_SPLIT_NOT_OFFERED') {
    const told = `${hint}, and the source of its log gives stdout and stderr as one text`;
    return new PodhandError(reason, told, { details, cause: error });
  }
  if (reason !== 'LOGS_UNAVAILABLE') return error;
  return new PodhandError(reason, `${message}; ${hint}`, { details, cause: error });
}
