/** What the emissary needs of the system, as its logic sees it. Every failing call throws a SystemError. */
export interface System {
  readonly files: Files;
  readonly processes: Processes;
  readonly events: Events;
  readonly environment: (name: string) => string | undefined;
  /** One line to stderr. */
  readonly say: (line: string) => void;
}

export interface FileStatus {
  readonly type: 'file' | 'directory' | 'symlink' | 'other';
  /** Permission bits. */
  readonly mode: number;
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
}

/**
 * `new`: must not exist. `fresh`: made or emptied. `append`: made or continued. `existing`: emptied, never made. A
 * symbolic link in the last place is refused by all but `read` and `existing`.
 */
export type OpenFor = 'read' | 'new' | 'fresh' | 'append' | 'existing';

export interface Files {
  /** Of the thing itself: no link is followed. Undefined where there is nothing. */
  status(path: string): FileStatus | undefined;
  /** Of what a link leads to. */
  statusBehind(path: string): FileStatus | undefined;
  names(path: string): string[];
  linkTarget(path: string): string;
  /** The mode is exact: the umask does not count. */
  open(path: string, purpose: OpenFor, mode?: number): number;
  /** 0 at the end. */
  read(fd: number, bytes: Uint8Array<ArrayBuffer>): number;
  /** Writes all of it. */
  write(fd: number, bytes: Uint8Array<ArrayBuffer>): void;
  close(fd: number): void;
  /** Up to `limit` bytes of a file; undefined where there is none. */
  readText(path: string, limit: number): string | undefined;
  writeText(fd: number, text: string): void;
  rename(from: string, to: string): void;
  /** Nothing happens where there is none. */
  remove(path: string): void;
  /** Nothing happens where there is one. */
  makeDirectory(path: string, mode: number): void;
  crc32(crc: number, bytes: Uint8Array<ArrayBuffer>, length: number): number;
}

export interface Spawn {
  /** Tried in this order, as execvp does. */
  readonly paths: readonly string[];
  /** Our own arguments from this one on are the command's. */
  readonly firstArgument: number;
  readonly moreArguments: readonly string[];
  /** Descriptors. */
  readonly stdout: number;
  readonly stderr: number;
}

export interface Processes {
  /** Calls back for each signal that reaches us. All are blocked since the first instruction, so that none is lost. */
  onSignal(receive: (signal: number) => void): void;
  /** Gives the pid, which is also the id of the new process group. */
  spawn(command: Spawn): number;
  /** One ended child with its wait status; undefined where none has ended. */
  reap(): { readonly pid: number; readonly status: number } | undefined;
  /** To a process, or below 0 to a process group; false where there is none. */
  kill(pid: number, signal: number): boolean;
  pipe(): { readonly readEnd: number; readonly writeEnd: number };
  isTerminal(fd: number): boolean;
  /** Whether a write may have to wait for somebody who reads. */
  isPipe(fd: number): boolean;
  nonblocking(fd: number): void;
  /** Inotify for new and written names; -1 makes the descriptor. */
  watch(fd: number, directory: string): number;
}

export interface Events {
  /** One callback per descriptor; undefined ends it. */
  onReadable(fd: number, ready: (() => void) | undefined): void;
  onWritable(fd: number, ready: (() => void) | undefined): void;
  /** Gives what cancels it. */
  after(ms: number, elapsed: () => void): () => void;
  /** Milliseconds since 1970. */
  now(): number;
}
