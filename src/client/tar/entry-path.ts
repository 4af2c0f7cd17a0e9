import { PodhandError } from '../../wire/errors.ts';

const maxPathBytes = 4095;
const maxDepth = 256;
const slash = 0x2f;

/**
 * The components of an entry's name, for walking them one by one. `.` and empty ones are left out, as tar does.
 * Errors: INVALID_PATH for an absolute name, one with `..` or a zero byte, and one that is too long or too deep.
 */
export function entryPath(name: Buffer): Buffer[] {
  if (name.length === 0) throw refused('an entry without a name');
  if (name.length > maxPathBytes) throw refused(`a name of ${name.length} bytes`);
  if (name[0] === slash) throw refused(`the absolute name "${name}"`);
  if (name.includes(0)) throw refused('a name with a zero byte');
  const components = split(name).filter((component) => component.length > 0 && !component.equals(Buffer.from('.')));
  if (components.some((component) => component.equals(Buffer.from('..')))) throw refused(`the name "${name}"`);
  if (components.length > maxDepth) throw refused(`a name of ${components.length} levels`);
  return components;
}

function refused(what: string): PodhandError {
  return new PodhandError('INVALID_PATH', `refused to extract ${what}: it could leave the destination`);
}

function split(name: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let start = 0;
  for (let end = name.indexOf(slash); end >= 0; end = name.indexOf(slash, start)) {
    parts.push(name.subarray(start, end));
    start = end + 1;
  }
  return [...parts, name.subarray(start)];
}
