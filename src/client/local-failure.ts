import { PodhandError, type Reason } from '../wire/errors.ts';

/** What a system call of this process says about its own files. */
const reasonOfErrno: Readonly<Record<string, Reason>> = {
  ENOSPC: 'NO_SPACE',
  EDQUOT: 'NO_SPACE',
  EACCES: 'PERMISSION_DENIED',
  EPERM: 'PERMISSION_DENIED',
  EROFS: 'PERMISSION_DENIED',
  EEXIST: 'DESTINATION_EXISTS',
  ENOTEMPTY: 'DESTINATION_EXISTS',
  ENOENT: 'INVALID_REQUEST',
  ENOTDIR: 'INVALID_REQUEST',
  EISDIR: 'INVALID_REQUEST',
  ENAMETOOLONG: 'INVALID_REQUEST',
};

/** Any error as a PodhandError: those of local files get a reason of their own, what nobody expected is INTERNAL. */
export function fromLocal(error: unknown): PodhandError {
  if (error instanceof PodhandError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new PodhandError(reasonOfErrno[errnoOf(error) ?? ''] ?? 'INTERNAL', message, { cause: error });
}

/** `ENOENT` and the like; undefined for an error that is not of a system call. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
