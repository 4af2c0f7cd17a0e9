import { createHash } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { PodhandError } from '../../wire/errors.ts';
import { AtomicFile } from '../files/atomic-file.ts';
import { errnoOf } from '../local-failure.ts';

export interface InstalledBinary {
  readonly path: string;
  readonly sha256: string;
  /** False where exactly this file was there already. */
  readonly written: boolean;
}

const executable = 0o555;

/**
 * Puts the emissary at `target`: complete and executable for everybody, or not at all, also where others run or replace
 * the one that is there. It is compared with the sum beside it (`<binary>.sha256`), as it is read here and as it lies
 * in the volume. Errors: FILE_NOT_FOUND, CHECKSUM_MISMATCH, and those of local files.
 */
export function installBinary(binary: string, target: string): InstalledBinary {
  const content = readSource(binary);
  const sha256 = digest(content);
  const expected = readSource(`${binary}.sha256`).toString('latin1').slice(0, 64);
  if (sha256 !== expected) {
    throw new PodhandError('CHECKSUM_MISMATCH', `${binary} has the sha256 ${sha256}, not ${expected} as it was built`);
  }
  if (isInstalled(target, sha256)) return { path: target, sha256, written: false };
  using file = new AtomicFile(Buffer.from(target), executable);
  file.write(content);
  file.setMode(executable);
  if (digest(readFileSync(file.temporaryPath)) !== sha256) {
    throw new PodhandError('CHECKSUM_MISMATCH', `what was written to ${target} is not what was read`);
  }
  // A volume that ends with its pod needs no fsync, which can take longer than all the rest.
  file.commit({ durable: false });
  return { path: target, sha256, written: true };
}

function isInstalled(target: string, sha256: string): boolean {
  const stats = lstatSync(target, { throwIfNoEntry: false });
  return stats?.isFile() === true && (stats.mode & 0o777) === executable && digest(readFileSync(target)) === sha256;
}

function readSource(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    const message = `there is no ${path}: npm run build:emissary makes it, or name another binary with --binary`;
    throw new PodhandError('FILE_NOT_FOUND', message, { cause: error });
  }
}

function digest(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
