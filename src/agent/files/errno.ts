import { PodhandError, type Reason } from '../../wire/errors.ts';
import { quotePath } from './path.ts';

type Meaning = readonly [Reason, string];

/** What the kernel's refusal of reading a path means. */
const reading = new Map<string, Meaning>([
  ['ENOENT', ['FILE_NOT_FOUND', 'does not exist in the container']],
  ['ENOTDIR', ['FILE_NOT_FOUND', 'does not exist in the container: a part of it is not a directory']],
  ['ELOOP', ['SYMLINK_LOOP', 'leads through too many symbolic links, or through a link of procfs']],
  ['EACCES', ['PERMISSION_DENIED', "is not readable with the rights of the container's user"]],
  ['EPERM', ['PERMISSION_DENIED', "is not readable with the rights of the container's user"]],
  ['ENAMETOOLONG', ['INVALID_PATH', 'is longer than its file system allows']],
  ['EINVAL', ['INVALID_PATH', 'is not a path that the kernel takes']],
  ['ENXIO', ['NOT_A_REGULAR_FILE', 'is a socket or device, not a regular file']],
  ['ENODEV', ['NOT_A_REGULAR_FILE', 'is a device, not a regular file']],
  ['EISDIR', ['NOT_A_REGULAR_FILE', 'is a directory, not a regular file']],
  ['EAGAIN', ['PATH_CHANGED', 'kept changing while it was resolved; call again']],
  ['EXDEV', ['PATH_CHANGED', 'kept changing while it was resolved; call again']],
  ['ESTALE', ['FILE_CHANGED', 'was removed by its server while it was read']],
  ['EIO', ['FILE_CHANGED', 'could not be read: its storage answered with an error']],
]);

/** The same for writing, where the meaning differs. */
const writing = new Map<string, Meaning>([
  ['ENOENT', ['FILE_NOT_FOUND', "cannot be written: its directory does not exist in the caller's container"]],
  ['ENOTDIR', ['FILE_NOT_FOUND', 'cannot be written: a part of it is not a directory']],
  ['EACCES', ['PERMISSION_DENIED', 'is not writable with the rights of the calling process']],
  ['EPERM', ['PERMISSION_DENIED', 'is not writable with the rights of the calling process']],
  ['EROFS', ['PERMISSION_DENIED', 'lies on a volume that is mounted read-only']],
  ['EEXIST', ['DESTINATION_EXISTS', 'exists; ask for overwriting, or name another']],
  ['ENOTEMPTY', ['DESTINATION_EXISTS', 'exists; ask for overwriting, or name another']],
  ['ENOSPC', ['NO_SPACE', 'has no space left on its volume']],
  ['EDQUOT', ['NO_SPACE', 'is over the quota of its volume']],
  ['EFBIG', ['NO_SPACE', 'is larger than its volume allows']],
  ['EMLINK', ['NO_SPACE', 'has more links than its file system allows']],
]);

/**
 * The one translation of a refused file operation. Errors that carry no errno, and errnos that say nothing about the
 * path (EMFILE, ENOMEM...), come back as they are: they are faults of the node.
 */
export function fileError(error: unknown, path: Uint8Array, use: 'read' | 'write' = 'read'): unknown {
  if (!(error instanceof Error) || error instanceof PodhandError || !('code' in error)) return error;
  const code = String(error.code);
  const meaning = (use === 'write' ? writing.get(code) : undefined) ?? reading.get(code);
  if (meaning === undefined) return error;
  const [reason, what] = meaning;
  return new PodhandError(reason, `${quotePath(path)} ${what}`, { details: { errno: code }, cause: error });
}

/** Runs `action`; what it throws goes through `fileError`. */
export function explaining<T>(path: Uint8Array, use: 'read' | 'write', action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw fileError(error, path, use);
  }
}
