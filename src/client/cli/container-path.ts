import { readFileSync } from 'node:fs';
import { PodhandError } from '../../wire/errors.ts';

/** A file or directory of a container. */
export interface ContainerPlace {
  readonly container: string;
  readonly path: Buffer;
}

/** `CONTAINER:PATH`, or with the container given apart just `PATH`. Errors: INVALID_REQUEST. */
export function containerPlace(text: string, container?: string): ContainerPlace {
  if (container !== undefined) return { container, path: pathBytes(text) };
  const colon = text.indexOf(':');
  if (colon <= 0 || colon === text.length - 1) {
    throw new PodhandError('INVALID_REQUEST', `"${text}" is no CONTAINER:PATH, and no container is given with -c`);
  }
  return { container: text.slice(0, colon), path: pathBytes(text.slice(colon + 1)) };
}

/**
 * The bytes of a path that was given as an argument. Node decodes arguments as UTF-8 and loses what is not; then the
 * bytes are taken from the kernel's copy of the command line.
 */
export function pathBytes(text: string): Buffer {
  if (!text.includes('\uFFFD')) return Buffer.from(text);
  for (const argument of splitAtZeros(readFileSync('/proc/self/cmdline'))) {
    const afterColon = argument.subarray(argument.indexOf(':') + 1);
    for (const bytes of [argument, afterColon]) if (bytes.toString() === text) return bytes;
  }
  return Buffer.from(text);
}

function splitAtZeros(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(0); end >= 0; end = bytes.indexOf(0, start)) {
    parts.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return parts;
}
