import type { Files } from '../system.ts';

/** Whether `path` is `above` or lies below it. Both are clean absolute paths. */
export function isWithin(path: string, above: string): boolean {
  return above === '/' || path === above || path.startsWith(`${above}/`);
}

/** An absolute path without `.`, `..`, empty parts and a slash at the end; undefined for what is not absolute. */
export function cleanPath(path: string): string | undefined {
  if (!path.startsWith('/')) return undefined;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** The mount points of this container but the root, as the kernel says. */
export function mountPoints(files: Files): Set<string> {
  const text = files.readText('/proc/self/mountinfo', 16 * 1024 * 1024) ?? '';
  const points = text.split('\n').map((line) => unescaped(line.split(' ')[4] ?? ''));
  return new Set(points.filter((point) => point !== '' && point !== '/'));
}

function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
