import { PodhandError } from '../../wire/errors.ts';

const maxPathBytes = 4095;
const maxComponentBytes = 255;
const slash = 0x2f;

/**
 * Checks a path that a request names, as bytes, and writes it in one form: absolute, without `//`, `/./` and a slash at
 * the end. Symlinks are not looked at: that is the kernel's part. `/` itself is allowed only where a `directory` is.
 * Errors: INVALID_PATH.
 */
export function parsePath(bytes: Uint8Array, { directory = false }: { directory?: boolean } = {}): Buffer {
  if (bytes.length === 0) throw invalid('the path is empty; an absolute path such as /out/result is needed');
  if (bytes.length > maxPathBytes) {
    throw invalid(`the path has ${bytes.length} bytes; at most ${maxPathBytes} are allowed`);
  }
  const path = Buffer.from(bytes);
  if (path.includes(0)) throw invalid('the path contains a NUL byte, which no file name can');
  if (path[0] !== slash) {
    throw invalid(`the path ${quotePath(path)} is not absolute; it must start with / at the container's root`);
  }
  const parts = components(path);
  for (const part of parts) checkComponent(part, path);
  if (parts.length === 0 && !directory) throw invalid('the path / is a directory; a file below it must be named');
  return Buffer.concat([
    Buffer.from('/'),
    ...parts.flatMap((part, at) => (at === 0 ? [part] : [Buffer.from('/'), part])),
  ]);
}

function checkComponent(part: Buffer, path: Buffer): void {
  if (part.length === 2 && part[0] === 0x2e && part[1] === 0x2e) {
    throw invalid(`the path ${quotePath(path)} contains ".."; name the file from the container's root without it`);
  }
  if (part.length > maxComponentBytes) {
    throw invalid(`a name in the path has ${part.length} bytes; at most ${maxComponentBytes} are allowed`);
  }
}

/** The names in a path, without empty ones and `.`. */
export function components(path: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let start = 0; start < path.length; ) {
    const end = path.indexOf(slash, start);
    const part = path.subarray(start, end === -1 ? path.length : end);
    if (part.length > 0 && !(part.length === 1 && part[0] === 0x2e)) parts.push(part);
    start = end === -1 ? path.length : end + 1;
  }
  return parts;
}

/** The last name of a parsed path; `.` for `/`. */
export function baseName(path: Buffer): Buffer {
  const name = path.subarray(path.lastIndexOf(slash) + 1);
  return name.length === 0 ? Buffer.from('.') : name;
}

/** A parsed path without its last name; `/` for what lies at the root. */
export function directoryName(path: Buffer): Buffer {
  return path.subarray(0, Math.max(1, path.lastIndexOf(slash)));
}

/**
 * A path as one line of text for messages: quoted, control characters escaped, other bytes that are not UTF-8 as U+FFFD,
 * at most 200 characters.
 */
export function quotePath(path: Uint8Array): string {
  const text = Buffer.from(path.buffer, path.byteOffset, path.byteLength).toString('utf8');
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  // JSON leaves DEL, C1 controls, direction marks and line separators as they are; a terminal would obey some of them.
  return JSON.stringify(shown).replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function invalid(message: string): PodhandError {
  return new PodhandError('INVALID_PATH', message);
}
