import { errno, isErrno, SystemError } from './errno.ts';
import { Failure } from './failure.ts';
import type { Files } from './system.ts';

export const defaultDirectory = '/var/run/argo';

/** Kept free for the record and the exit code, so that a disk that the command has filled does not lose them. */
const reservedBytes = 16 * 1024;

const longestCollectionMs = 60_000;

/** What an earlier run has left; `exitcode` last, so that without it nothing of that run is there. */
const leftBehind = ['collected', 'stdout', 'stderr', 'combined', 'record', 'exitcode'];

/** The files of containers in the pod's shared volume. Users of containers differ, so everybody may write. */
export class ContainerFiles {
  readonly directory: string;
  readonly #files: Files;
  readonly #volume: string;

  /** Makes the container's directory and takes away what an earlier run of this container has left. Errors: VOLUME_UNUSABLE. */
  constructor(files: Files, volume: string, container: string) {
    this.#files = files;
    this.#volume = volume;
    this.directory = `${volume}/ctr/${container}`;
    if (!isName(container)) throw new Failure('USAGE', `"${container}" is no name of a container`);
    try {
      if (files.statusBehind(volume)?.type !== 'directory') {
        throw new Failure(
          'VOLUME_UNUSABLE',
          `there is no directory ${volume}: mount the pod's shared emptyDir there in this container, or say with --dir where it is`,
        );
      }
      files.makeDirectory(`${volume}/ctr`, 0o777);
      files.makeDirectory(this.directory, 0o777);
      for (const name of leftBehind) files.remove(this.path(name));
      this.#reserve();
    } catch (error) {
      throw this.#unusable(error);
    }
  }

  path(name: string): string {
    return `${this.directory}/${name}`;
  }

  /** The exit code of a container of this pod that has ended. */
  exitCodeOf(container: string): number | undefined {
    const text = this.#files.readText(`${this.directoryOf(container)}/exitcode`, 16)?.trim();
    return text !== undefined && /^\d{1,3}$/.test(text) ? Number(text) : undefined;
  }

  directoryOf(container: string): string {
    return `${this.#volume}/ctr/${container}`;
  }

  exists(name: string): boolean {
    return this.#files.status(this.path(name)) !== undefined;
  }

  /** What `signal` says, once: it is removed. Undefined where there is none, or it is not written yet. */
  takeSignal(): string | undefined {
    const text = this.#files.readText(this.path('signal'), 16)?.trim();
    if (text === undefined || text === '') return undefined;
    this.#files.remove(this.path('signal'));
    return text;
  }

  /**
   * For how many milliseconds an agent asks the ended containers of this pod to stay, so that it can take what it needs
   * of them: at most a minute. Undefined where none has asked.
   */
  collectWithinMs(): number | undefined {
    const text = this.#files.readText(`${this.#volume}/agent`, 16)?.trim();
    return text !== undefined && /^\d{1,9}$/.test(text) ? Math.min(Number(text), longestCollectionMs) : undefined;
  }

  /** The last acts. Whoever sees `exitcode` finds the record. Errors: VOLUME_UNUSABLE. */
  end(record: string, exitCode: number): void {
    try {
      this.#files.remove(this.path('.reserved'));
      writeWhole(this.#files, this.path('record'), record);
      writeWhole(this.#files, this.path('exitcode'), `${exitCode}`);
    } catch (error) {
      throw this.#unusable(error);
    }
  }

  #reserve(): void {
    const path = this.path('.reserved');
    this.#files.remove(path);
    const fd = this.#files.open(path, 'new', 0o600);
    try {
      this.#files.write(fd, new Uint8Array(reservedBytes));
    } finally {
      this.#files.close(fd);
    }
  }

  #unusable(error: unknown): unknown {
    if (!(error instanceof SystemError)) return error;
    let hint = '';
    if (isErrno(error, errno.EROFS)) hint = ': mount it without readOnly in this container';
    else if (isErrno(error, errno.EACCES)) hint = ': it has to be writable for the user of this container';
    else if (isErrno(error, errno.ENOSPC, errno.EDQUOT)) hint = ': it is full, or over its sizeLimit';
    return new Failure('VOLUME_UNUSABLE', `the shared volume ${this.#volume} cannot be used (${error.message})${hint}`);
  }
}

/** Complete or absent: written under another name, and renamed. */
export function writeWhole(files: Files, path: string, text: string): void {
  const slash = path.lastIndexOf('/');
  const temporary = `${path.slice(0, slash)}/.${path.slice(slash + 1)}.tmp`;
  files.remove(temporary);
  const fd = files.open(temporary, 'new', 0o644);
  try {
    files.writeText(fd, text);
  } finally {
    files.close(fd);
  }
  files.rename(temporary, path);
}

/** A container's name as Kubernetes has it, or nearly: above all it is no path. */
export function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && name.length <= 253 && !/[/\0]/.test(name);
}
