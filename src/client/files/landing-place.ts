import { lstatSync, statSync } from 'node:fs';
import { PodhandError } from '../../wire/errors.ts';
import { baseName, joined } from './paths.ts';

/**
 * Where a copy goes, by the rule of cp: into a directory that exists, under `name`; else to the destination itself.
 * Errors: INVALID_REQUEST where a directory is wanted (trailing slash) or has no name to take.
 */
export function landingPlace(destination: Buffer, name: Buffer): Buffer {
  const found = statSync(destination, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) {
    if (name.length === 0)
      throw new PodhandError('INVALID_REQUEST', 'name the destination: the source has no name of its own');
    return joined(destination, name);
  }
  if (destination.at(-1) === 0x2f || baseName(destination).length === 0) {
    throw new PodhandError('INVALID_REQUEST', `there is no directory ${destination}`);
  }
  return destination;
}

/** Refuses what would be lost. A file may be replaced by a file; a directory only if that was asked for. */
export function checkReplacing(target: Buffer, overwrite: boolean): void {
  const found = lstatSync(target, { throwIfNoEntry: false });
  if (found?.isDirectory() === true && !overwrite) {
    throw new PodhandError('DESTINATION_EXISTS', `the directory ${target} exists`);
  }
}
