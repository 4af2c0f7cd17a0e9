import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import type { TarEntry } from '../../src/agent/files/tar/entry.ts';
import { padding } from '../../src/agent/files/tar/entry.ts';
import { endOfArchive, TarHeaders } from '../../src/agent/files/tar/headers.ts';
import { decodePax, encodePax } from '../../src/agent/files/tar/pax.ts';
import { TarFormatError, TarReader } from '../../src/agent/files/tar/read.ts';
import { parseSparseMap, sparseMap } from '../../src/agent/files/tar/sparse.ts';
import { attackOn } from '../attacks/attack.ts';

const attack = attackOn('shared');

const plain = { type: 'file', mode: 0o644, uid: 1, gid: 2, size: 0, mtimeSeconds: 1_700_000_000 } as const;
const content = Buffer.from('seven b');

function archive(...entries: TarEntry[]): Buffer {
  const headers = new TarHeaders();
  const parts = entries.flatMap((entry) => {
    const { header, contentBytes } = headers.encode(entry);
    const data = Buffer.alloc(contentBytes + padding(contentBytes));
    content.copy(data, 0, 0, Math.min(content.length, contentBytes));
    return [Buffer.from(header), data];
  });
  return Buffer.concat([...parts, endOfArchive]);
}

/** What Python makes of an archive: name, type, size, mode, uid, gid, mtime, link; names as bytes in hexadecimal. */
function seenByPython(tar: Buffer): unknown[] {
  const script = `
import sys, tarfile, io, json
t = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()))
h = lambda s: s.encode('utf-8', 'surrogateescape').hex()
print(json.dumps([[h(m.name), m.type.decode(), m.size, m.mode, m.uid, m.gid, m.mtime, h(m.linkname)] for m in t]))`;
  return JSON.parse(execFileSync('python3', ['-c', script], { input: tar, maxBuffer: 1e8 }).toString());
}

function entries(tar: Buffer): unknown[] {
  const pieces = [tar];
  const reader = new TarReader(() => pieces.shift());
  const found: unknown[] = [];
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) found.push(entry);
  return found;
}

const names: readonly (readonly [string, Buffer])[] = [
  ['short', Buffer.from('top/file')],
  ['100 bytes', Buffer.from('a'.repeat(100))],
  ['101 bytes', Buffer.from('a'.repeat(101))],
  ['255 bytes', Buffer.from('a'.repeat(255))],
  ['split between directories', Buffer.from(`${'d'.repeat(120)}/${'f'.repeat(90)}`)],
  ['split at the limits', Buffer.from(`${'d'.repeat(155)}/${'f'.repeat(100)}`)],
  ['over the limits', Buffer.from(`${'d'.repeat(156)}/${'f'.repeat(100)}`)],
  ['very long', Buffer.from(`${`${'d'.repeat(200)}/`.repeat(18)}f`)],
  ['not ASCII', Buffer.from('top/zürich-東京')],
  ['not UTF-8', Buffer.from([0x74, 0x2f, 0xff, 0xfe])],
  ['not UTF-8 and long', Buffer.concat([Buffer.from('x'.repeat(254)), Buffer.from([0xff])])],
  ['newline and escape', Buffer.from('top/a\nb\u001b[2J')],
  ['newline in a long name', Buffer.from(`${'a\n'.repeat(120)}`)],
  ['like an option', Buffer.from('-rf')],
  ['with =', Buffer.from(`${'k=v '.repeat(60)}`)],
];

attack.each(names)([28, 29], 'a name: %s', (_, path) => {
  for (const type of ['file', 'directory', 'symlink', 'hardlink'] as const) {
    const isLink = type === 'symlink' || type === 'hardlink';
    const tar = archive({ ...plain, type, path, ...(isLink && { linkPath: path }) });
    const link = isLink ? path.toString('hex') : '';
    expect(seenByPython(tar)).toEqual([
      [
        path.toString('hex'),
        { file: '0', directory: '5', symlink: '2', hardlink: '1' }[type],
        0,
        0o644,
        1,
        2,
        1_700_000_000,
        link,
      ],
    ]);
    expect(entries(tar)).toEqual([expect.objectContaining({ type, path, linkPath: isLink ? path : Buffer.alloc(0) })]);
  }
});

test('numbers that the old fields cannot hold', () => {
  const path = Buffer.from('big');
  const headers = new TarHeaders();
  const { header } = headers.encode({
    ...plain,
    path,
    size: 2 ** 40,
    uid: 4_000_000_000,
    gid: 3_000_000,
    mtimeSeconds: -5,
  });
  const script = `
import sys, tarfile
m = tarfile.TarInfo.fromtarfile(tarfile.open(fileobj=sys.stdin.buffer, mode='r|'))`;
  expect(script).toContain('tarfile');
  const pieces = [Buffer.from(header)];
  const entry = new TarReader(() => pieces.shift()).next();
  expect(entry).toMatchObject({
    size: 2 ** 40,
    contentBytes: 2 ** 40,
    uid: 4_000_000_000,
    gid: 3_000_000,
    mtimeSeconds: -5,
  });
});

test('lists with GNU tar and with busybox', () => {
  const path = Buffer.from('top/file');
  const tar = archive(
    { ...plain, type: 'directory', path: Buffer.from('top') },
    { ...plain, path, size: content.length },
  );
  for (const command of [['tar'], ['busybox', 'tar']]) {
    const [program = '', ...rest] = command;
    expect(execFileSync(program, [...rest, '-tf', '-'], { input: tar }).toString()).toBe('top/\ntop/file\n');
    expect(execFileSync(program, [...rest, '-xOf', '-', 'top/file'], { input: tar })).toEqual(content);
  }
});

test('a PAX record counts its own length', () => {
  for (let length = 0; length < 1200; length++) {
    const records = decodePax(Buffer.from(encodePax([['path', 'x'.repeat(length)]])));
    expect(records?.get('path')?.length).toBe(length);
  }
});

test.each(['5 a=b', '9 a=b\n', '6 ab\n\n', 'x a=b\n', '-6 a=b\n', '6 a=bc', '0 a=b\n'])(
  '%j is no PAX record',
  (text) => {
    expect(decodePax(Buffer.from(text))).toBeUndefined();
  },
);

test('sparse maps', () => {
  const segments = [
    { offset: 0, length: 4096 },
    { offset: 1_000_000, length: 10 },
  ];
  expect(
    sparseMap(segments, 2 ** 40)
      .toString()
      .replace(/\0+$/, ''),
  ).toBe('3\n0\n4096\n1000000\n10\n1099511627776\n0\n');
  expect(parseSparseMap(sparseMap(segments, 2 ** 40), 2 ** 40, 10)).toEqual({ segments, consumed: 512 });
  expect(parseSparseMap(sparseMap([], 100), 100, 10)).toEqual({ segments: [], consumed: 512 });
  const many = Array.from({ length: 2000 }, (_, at) => ({ offset: at * 8192, length: 4096 }));
  const map = sparseMap(many, 2 ** 30);
  expect(parseSparseMap(map.subarray(0, 512), 2 ** 30, 5000)).toBeUndefined();
  expect(parseSparseMap(map, 2 ** 30, 5000)?.segments).toEqual(many);
  expect(() => parseSparseMap(map, 2 ** 30, 1000)).toThrow(RangeError);
  expect(() => parseSparseMap(sparseMap(segments, 500), 500, 10)).toThrow(RangeError);
});

test('what is no archive is refused', () => {
  const good = archive({ ...plain, path: Buffer.from('f'), size: content.length });
  const broken = Buffer.from(good);
  broken[0] = 0x67;
  for (const tar of [broken, good.subarray(0, 600), good.subarray(0, 100), Buffer.alloc(512, 0x41)]) {
    expect(() => entries(tar)).toThrow(TarFormatError);
  }
  expect(entries(Buffer.alloc(0))).toEqual([]);
});

test('pieces of any size are read alike', () => {
  const tar = archive({ ...plain, path: names[7]?.[1] ?? content, size: content.length });
  for (const length of [1, 7, 511, 512, 513, 10_000]) {
    let at = 0;
    const reader = new TarReader(() => {
      const piece = tar.subarray(at, at + length);
      at += length;
      return piece.length > 0 ? piece : undefined;
    });
    expect(reader.next()?.path).toEqual(names[7]?.[1]);
    const parts: Buffer[] = [];
    for (let part = reader.content(); part !== undefined; part = reader.content()) parts.push(Buffer.from(part));
    expect(Buffer.concat(parts)).toEqual(content);
    expect(reader.next()).toBeUndefined();
  }
});
