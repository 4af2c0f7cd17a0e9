import { expect, test } from 'vitest';
import { baseName, directoryName, parsePath, quotePath } from '../../src/agent/files/path.ts';
import { PodhandError } from '../../src/wire/errors.ts';

const longName = 'n'.repeat(255);

test.each([
  ['/a/b', '/a/b'],
  ['//a///b', '/a/b'],
  ['/./a/././b/.', '/a/b'],
  ['/a/b/', '/a/b'],
  ['/..a/b..', '/..a/b..'],
  ['/...', '/...'],
  ['/a\nb/-rf', '/a\nb/-rf'],
  [`/${longName}`, `/${longName}`],
])('%j is %j', (path, parsed) => {
  expect(parsePath(Buffer.from(path)).toString()).toBe(parsed);
});

test('keeps bytes that are not UTF-8', () => {
  expect(parsePath(Buffer.from([0x2f, 0xff, 0xfe]))).toEqual(Buffer.from([0x2f, 0xff, 0xfe]));
});

test.each([
  ['empty', '', /empty; an absolute path/],
  ['relative', 'a/b', /"a\/b" is not absolute/],
  ['a dot', '.', /not absolute/],
  ['dots', '..', /not absolute/],
  ['upwards', '/a/../b', /contains ".."/],
  ['upwards at the end', '/a/..', /contains ".."/],
  ['upwards from the root', '/../../etc/passwd', /contains ".."/],
  ['a NUL', '/a\0/etc/passwd', /NUL/],
  ['a long name', `/${longName}x`, /256 bytes; at most 255/],
  ['a long path', `/a${'/b'.repeat(2047)}`.padEnd(4096, '/'), /4096 bytes; at most 4095/],
  ['the root where a file is asked for', '/', /must be named/],
  ['the root in disguise', '/./', /must be named/],
])('%s is refused and says why', (_, path, message) => {
  const refusal = expect(() => parsePath(Buffer.from(path)));
  refusal.toThrow(PodhandError);
  expect(() => parsePath(Buffer.from(path))).toThrow(expect.objectContaining({ reason: 'INVALID_PATH' }));
  expect(() => parsePath(Buffer.from(path))).toThrow(message);
});

test('a path of 4,095 bytes is allowed', () => {
  expect(parsePath(Buffer.from(`/${`${'d'.repeat(15)}/`.repeat(255)}${'e'.repeat(14)}`)).length).toBe(4095);
});

test('the root is a directory', () => {
  const root = parsePath(Buffer.from('//'), { directory: true });
  expect([root.toString(), baseName(root).toString(), directoryName(root).toString()]).toEqual(['/', '.', '/']);
});

test('takes paths apart', () => {
  const path = parsePath(Buffer.from('/a/b'));
  expect([baseName(path).toString(), directoryName(path).toString()]).toEqual(['b', '/a']);
  expect(directoryName(parsePath(Buffer.from('/a'))).toString()).toBe('/');
});

test('quotes what a terminal or a log would obey', () => {
  const quoted = quotePath(Buffer.from('/a\n\u001b[2J\u009b\u202e"\\'));
  expect(quoted).toBe('"/a\\n\\u001b[2J\\u009b\\u202e\\"\\\\"');
  expect(quotePath(Buffer.from([0xff, 0xfe]))).toBe('"\ufffd\ufffd"');
  expect(quotePath(Buffer.from('x'.repeat(5000))).length).toBeLessThan(210);
});
