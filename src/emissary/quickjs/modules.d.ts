/** The parts of QuickJS's own modules that the emissary uses. The bundler resolves the prefix away. */
declare module 'quickjs:os' {
  export interface Stat {
    readonly mode: number;
    readonly size: number;
    readonly uid: number;
    readonly gid: number;
    /** Milliseconds. */
    readonly mtime: number;
  }
  export const O_RDONLY: number;
  export const O_WRONLY: number;
  export const O_CREAT: number;
  export const O_EXCL: number;
  export const O_TRUNC: number;
  export const O_APPEND: number;
  export const WNOHANG: number;
  /** Numbers below 0 are errno, negated. */
  export function open(path: string, flags: number, mode?: number): number;
  export function close(fd: number): number;
  export function read(fd: number, buffer: ArrayBuffer, offset: number, length: number): number;
  export function write(fd: number, buffer: ArrayBuffer, offset: number, length: number): number;
  export function rename(from: string, to: string): number;
  export function remove(path: string): number;
  export function mkdir(path: string, mode: number): number;
  export function readdir(path: string): [string[], number];
  export function readlink(path: string): [string, number];
  export function lstat(path: string): [Stat | null, number];
  export function stat(path: string): [Stat | null, number];
  export function isatty(fd: number): boolean;
  export function pipe(): [number, number] | null;
  export function waitpid(pid: number, options: number): [number, number];
  export function kill(pid: number, signal: number): number;
  export function setReadHandler(fd: number, handler: (() => void) | null): void;
  export function setWriteHandler(fd: number, handler: (() => void) | null): void;
  export function setTimeout(handler: () => void, ms: number): object;
  export function clearTimeout(timer: object): void;
}

declare module 'quickjs:std' {
  export interface File {
    puts(text: string): void;
    flush(): void;
    error(): boolean;
    readAsString(limit?: number): string;
    close(): number;
  }
  export const err: File;
  export const out: File;
  export function fdopen(fd: number, mode: string): File | null;
  export function getenv(name: string): string | undefined;
  export function strerror(errno: number): string;
  export function exit(code: number): never;
}

/** Ours, `native/native.c`. */
declare module 'quickjs:native' {
  export const O_NOFOLLOW: number;
  export const O_NONBLOCK: number;
  export function signals(): number;
  export function spawn(
    paths: readonly string[],
    firstArgument: number,
    moreArguments: readonly string[],
    stdout: number,
    stderr: number,
  ): number;
  export function watch(fd: number, directory: string): number;
  export function nonblocking(fd: number): number;
  export function crc32(crc: number, bytes: ArrayBuffer, length: number): number;
}

/** The command line of the process, its own name first. Bytes that are not UTF-8 are replaced. */
declare var scriptArgs: string[];
