const slash = 0x2f;

/** Paths as bytes, since names come from containers and need not be UTF-8. */

/** The last component, without slashes at the end; empty for `/`. */
export function baseName(path: Uint8Array): Buffer {
  const trimmed = withoutTrailingSlashes(path);
  return trimmed.subarray(trimmed.lastIndexOf(slash) + 1);
}

/** What is before the last component: `.` where there is nothing, `/` for the root. */
export function directoryName(path: Uint8Array): Buffer {
  const trimmed = withoutTrailingSlashes(path);
  const end = trimmed.lastIndexOf(slash);
  if (end < 0) return Buffer.from('.');
  return end === 0 ? Buffer.from('/') : trimmed.subarray(0, end);
}

export function joined(directory: Uint8Array, name: Uint8Array): Buffer {
  return Buffer.concat([directory, Buffer.from('/'), name]);
}

function withoutTrailingSlashes(path: Uint8Array): Buffer {
  let end = path.length;
  while (end > 1 && path[end - 1] === slash) end -= 1;
  const bytes = Buffer.from(path.buffer, path.byteOffset, end);
  return bytes.equals(Buffer.from('/')) ? Buffer.alloc(0) : bytes;
}
