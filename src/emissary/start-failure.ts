import { errno, isErrno, SystemError } from './errno.ts';
import { Failure } from './failure.ts';
import { defaultPath } from './search.ts';
import type { Files } from './system.ts';

/** Says why a command could not be started, as a shell would: 127 not found, 126 found and not executable. */
export function startFailure(error: unknown, command: string, tried: readonly string[], context: Context): unknown {
  if (!(error instanceof SystemError)) return error;
  const found =
    tried.find((path) => type(context.files, path) === 'file') ?? tried.find((path) => exists(context, path));
  if (isErrno(error, errno.ENOENT, errno.ENOTDIR)) return notFound(command, found, context);
  const subject = `command "${found ?? command}"`;
  if (isErrno(error, errno.EACCES)) {
    const why =
      found !== undefined && type(context.files, found) === 'directory'
        ? 'is a directory'
        : 'is not executable for this user: it needs the x permission, on a file system that is not mounted noexec';
    return new Failure('COMMAND_NOT_EXECUTABLE', `${subject} ${why}`);
  }
  if (isErrno(error, errno.ENOEXEC)) {
    const why = isScript(context.files, found)
      ? 'is a script without an interpreter: its first line has to be such as #!/bin/sh, or the command sh FILE'
      : 'is no program of this kind of machine';
    return new Failure('COMMAND_NOT_EXECUTABLE', `${subject} ${why} (${error.text})`);
  }
  // Not the command's fault.
  if (isErrno(error, errno.EAGAIN, errno.ENOMEM)) {
    return new Failure('START_FAILED', `${subject} could not be started: ${error.text}; limits on pids and memory`);
  }
  const hint =
    error.errno === errno.E2BIG
      ? '; one argument may have 128 KiB, all with the environment a quarter of the stack limit'
      : '';
  return new Failure('COMMAND_NOT_EXECUTABLE', `${subject} could not be started: ${error.text}${hint}`);
}

interface Context {
  readonly files: Files;
  readonly path: string | undefined;
}

function notFound(command: string, found: string | undefined, { files, path }: Context): Failure {
  if (found !== undefined && type(files, found) === 'file') {
    const interpreter = interpreterOf(files, found);
    const what =
      interpreter === undefined ? 'its loader (the libc it was linked for)' : `its interpreter "${interpreter}"`;
    return new Failure('COMMAND_NOT_FOUND', `command "${found}" is there, but ${what} is not in this image`);
  }
  if (command === '') return new Failure('COMMAND_NOT_FOUND', 'the command is empty');
  const where = command.includes('/') ? 'no such file in this image' : `not found in PATH (${path ?? defaultPath})`;
  return new Failure('COMMAND_NOT_FOUND', `command "${command}": ${where}`);
}

function exists({ files }: Context, path: string): boolean {
  return type(files, path) !== undefined;
}

function type(files: Files, path: string): string | undefined {
  try {
    return files.statusBehind(path)?.type;
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}

function interpreterOf(files: Files, path: string): string | undefined {
  return /^#![ \t]*([^ \t\n]+)/.exec(start(files, path))?.[1];
}

function isScript(files: Files, path: string | undefined): boolean {
  return path !== undefined && !start(files, path).startsWith('\u007fELF') && !start(files, path).includes('\0');
}

/** The first bytes, where they may be read. */
function start(files: Files, path: string): string {
  try {
    return files.readText(path, 256) ?? '';
  } catch (error) {
    if (error instanceof SystemError) return '';
    throw error;
  }
}
