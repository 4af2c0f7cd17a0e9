import { PodhandError } from '../../wire/errors.ts';
import { orderGenerations } from './generation-names.ts';
import type { LogDirectory } from './log-directory.ts';
import { LogFile } from './log-file.ts';

/** Files of one log that are read at all. */
const maxGenerations = 256;
/** Files that a slow reader holds ahead of itself, deleted ones included: what it pins on the node's disk is bounded. */
const maxHeldAhead = 8;
/** Tries for a list of the directory that no rotation changed meanwhile. */
const maxListTries = 50;

interface Listed {
  readonly name: string;
  readonly compressed: boolean;
  readonly device: bigint;
  readonly inode: bigint;
}

/**
 * The files of one log as a chain without gaps, from the oldest that is still to be read to the one being written,
 * each held open so that neither rotation, compression nor removal takes it away from the reader.
 */
export class LogGenerations {
  readonly #directory: LogDirectory;
  #chain: LogFile[] = [];
  /** What comes after the end of the chain is gone. */
  #hasGap = false;
  #refreshing: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(directory: LogDirectory) {
    this.#directory = directory;
  }

  /** Opens every file of the log. The directory belongs to the chain from here on. */
  static async open(directory: LogDirectory): Promise<LogGenerations> {
    const generations = new LogGenerations(directory);
    try {
      await generations.refresh();
      return generations;
    } catch (error) {
      await generations.close();
      throw error;
    }
  }

  /** Oldest first. */
  get files(): readonly LogFile[] {
    return this.#chain;
  }

  /** The oldest file that is still to be read. */
  get current(): LogFile | undefined {
    return this.#chain[0];
  }

  /** Files after the current one. */
  get ahead(): number {
    return Math.max(this.#chain.length - 1, 0);
  }

  /** What came after the newest file that is known was deleted before it was seen. */
  get hasGap(): boolean {
    return this.#hasGap;
  }

  /** Goes on with the next file and lets go of the current one. */
  async advance(): Promise<void> {
    await this.#chain.shift()?.close();
  }

  /** Looks for files that rotation has added. May be called at any time; calls are done one after the other. */
  refresh(): Promise<void> {
    const refreshed = this.#refreshing.then(() => this.#refresh());
    this.#refreshing = refreshed.catch(() => undefined);
    return refreshed;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#refreshing;
    const chain = this.#chain.splice(0);
    await Promise.all(chain.map((file) => file.close()));
    await this.#directory.close();
  }

  async #refresh(): Promise<void> {
    for (let tries = 0; tries < maxListTries; tries++) {
      if (this.#closed || this.#hasGap || this.ahead >= maxHeldAhead) return;
      if (await this.#extend()) return;
    }
    throw rotatedTooFast();
  }

  /** Opens what follows the newest file that is held. False if the log was rotated meanwhile. */
  async #extend(): Promise<boolean> {
    const list = await this.#list();
    const newest = this.#chain.at(-1);
    const at = newest === undefined ? -1 : await this.#find(newest, list);
    const isLost = newest !== undefined && at < 0;
    const room = newest === undefined ? maxGenerations : maxHeldAhead;
    const following = isLost ? [] : list.slice(at + 1, at + 1 + room);
    const opened: LogFile[] = [];
    let taken = false;
    try {
      for (const listed of following) {
        const handle = await this.#directory.openFile(listed.name);
        if (handle === undefined) return false;
        opened.push(new LogFile(handle, listed, listed.compressed));
      }
      // File systems give the inode of a removed file to the next one at once: a file opened by name may be a later one
      // in the place, and with the number, of the one that was listed. Those that are open keep theirs, so that a list
      // which is still the same, and names them, is true of them.
      if (!isSame(list, await this.#list()) || !(await areListed(opened))) return false;
      taken = true;
    } finally {
      if (!taken) await Promise.all(opened.map((file) => file.close()));
    }
    this.#chain.push(...opened);
    // No file at all: removed with its container. What is held is all there was.
    this.#hasGap = isLost && list.length > 0;
    return true;
  }

  /** The place of a file in the list, by its inode; or of the same file compressed, by what it begins with. */
  async #find(file: LogFile, list: readonly Listed[]): Promise<number> {
    const at = list.findIndex((listed) => listed.inode === file.inode && listed.device === file.device);
    if (at >= 0) return at;
    const mark = await file.mark();
    for (const [index, listed] of list.entries()) {
      if (!listed.compressed || mark === undefined) continue;
      const handle = await this.#directory.openFile(listed.name);
      if (handle === undefined) continue;
      const candidate = new LogFile(handle, listed, true);
      try {
        if ((await candidate.mark()) === mark) return index;
      } finally {
        await candidate.close();
      }
    }
    return -1;
  }

  /** The files of the log as they were at one moment. */
  async #list(): Promise<Listed[]> {
    let before = await this.#look();
    for (let tries = 0; tries < maxListTries; tries++) {
      const after = await this.#look();
      if (isSame(before, after)) return after;
      before = after;
    }
    throw rotatedTooFast();
  }

  async #look(): Promise<Listed[]> {
    const names = orderGenerations(this.#directory.base, await this.#directory.names());
    if (names.length > maxGenerations) {
      throw new PodhandError('LOGS_UNAVAILABLE', `the log has more than ${maxGenerations} files`);
    }
    const list: Listed[] = [];
    for (const { name, compressed } of names) {
      const identity = await this.#directory.identity(name);
      if (identity !== undefined) list.push({ name, compressed, ...identity });
    }
    return list;
  }
}

function rotatedTooFast(): PodhandError {
  return new PodhandError('LOGS_UNAVAILABLE', 'the log is rotated faster than its directory can be read');
}

function isSame(a: readonly Listed[], b: readonly Listed[]): boolean {
  return (
    a.length === b.length &&
    a.every(
      (listed, at) => listed.name === b[at]?.name && listed.inode === b[at].inode && listed.device === b[at].device,
    )
  );
}

/** Whether each open file is the one that it was listed as. */
async function areListed(files: readonly LogFile[]): Promise<boolean> {
  const identities = await Promise.all(files.map((file) => file.identity()));
  return files.every((file, at) => identities[at]?.inode === file.inode && identities[at]?.device === file.device);
}
