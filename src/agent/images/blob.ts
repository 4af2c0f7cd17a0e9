import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { PodhandError } from '../../wire/errors.ts';
import { hasErrno } from '../linux/syscalls.ts';

/** What describes an image is text of some kilobytes; layers are never asked for. */
const maxBytes = 4 * 1024 * 1024;

/** A digest by SHA-256: its 64 hexadecimal digits. */
export type Sha256 = string;

/** The digest that a reference ends with: `sha256:…`, `docker://sha256:…`, `name@sha256:…`; undefined without one. */
export function digestOf(reference: string): Sha256 | undefined {
  return /(?:^|[@/])sha256:([0-9a-f]{64})$/.exec(reference)?.[1];
}

/**
 * A JSON file of a store that names its files by their contents; undefined where it is not there.
 * Errors: IMAGE_NOT_FOUND where it is not what its name says, or larger than 4 MiB.
 */
export async function readBlob(path: string, digest: Sha256, signal: AbortSignal): Promise<unknown> {
  const bytes = await readBounded(path, signal);
  if (bytes === undefined) return undefined;
  if (createHash('sha256').update(bytes).digest('hex') !== digest) throw damaged(digest);
  const value = parseJson(bytes);
  if (value === undefined) throw damaged(digest);
  return value;
}

/** A file of at most 4 MiB; undefined where it is not there. */
export async function readBounded(path: string, signal: AbortSignal): Promise<Buffer | undefined> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    if (size > maxBytes)
      throw new PodhandError('IMAGE_NOT_FOUND', `a file of the node's image store has ${size} bytes`);
    return await file.readFile({ signal });
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Undefined where it is no JSON. */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function damaged(digest: Sha256): PodhandError {
  return new PodhandError('IMAGE_NOT_FOUND', `sha256:${digest} in the node's image store is damaged`);
}
