/** Error numbers of Linux; amd64 and arm64 agree. */
export const errno = {
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  E2BIG: 7,
  ENOEXEC: 8,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EEXIST: 17,
  ENOTDIR: 20,
  ENOSPC: 28,
  EROFS: 30,
  EPIPE: 32,
  ELOOP: 40,
  EDQUOT: 122,
} as const;

/** A system call that failed. `text` is the system's own, such as `No space left on device`. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly errno: number;
  readonly text: string;

  constructor(call: string, subject: string, number: number, text: string) {
    super(`${call} ${subject}: ${text}`);
    this.errno = number;
    this.text = text;
  }
}

export function isErrno(error: unknown, ...numbers: readonly number[]): boolean {
  return error instanceof SystemError && numbers.includes(error.errno);
}
