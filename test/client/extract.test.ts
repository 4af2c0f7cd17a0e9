import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { extractTar } from '../../src/client/tar/extract.ts';
import { PodhandError } from '../../src/wire/errors.ts';
import { archive, entry, inChunks, pax } from './tar-archives.ts';

let outside: string;
let destination: string;

beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'podhand-extract-'));
  destination = join(outside, 'destination');
  mkdirSync(destination);
  writeFileSync(join(outside, 'precious'), 'untouched');
});

afterEach(() => {
  rmSync(outside, { recursive: true, force: true });
});

/** Everything of the tree outside of the destination: names, kinds, sizes, link counts and contents. */
function surroundings(): unknown {
  const { nlink, mtimeMs } = statSync(outside);
  const precious = lstatSync(join(outside, 'precious'));
  return [
    readdirSync(outside),
    nlink,
    mtimeMs,
    readFileSync(join(outside, 'precious'), 'utf8'),
    precious.nlink,
    precious.mode,
  ];
}

async function reasonOf(extraction: Promise<void>): Promise<string> {
  try {
    await extraction;
    return 'none';
  } catch (error) {
    if (error instanceof PodhandError) return error.reason;
    throw error;
  }
}

const up = 'up/../../precious';
const attacks: [string, string, Buffer[]][] = [
  ['a name with ..', 'INVALID_PATH', [entry({ name: '../../precious', content: 'x' })]],
  ['a name with .. in the middle', 'INVALID_PATH', [entry({ name: up, content: 'x' })]],
  ['a name with .. behind slashes', 'INVALID_PATH', [entry({ name: 'a//../..//precious', content: 'x' })]],
  ['only ..', 'INVALID_PATH', [entry({ name: '..', type: '5' })]],
  ['an absolute name', 'INVALID_PATH', [entry({ name: '/tmp/podhand-absolute', content: 'x' })]],
  [
    'an absolute name in PAX',
    'INVALID_PATH',
    [pax({ path: '/tmp/podhand-absolute' }), entry({ name: 'a', content: 'x' })],
  ],
  ['a zero byte in PAX', 'INVALID_PATH', [pax({ path: 'a\0b' }), entry({ name: 'a', content: 'x' })]],
  ['a name of 5,000 bytes', 'INVALID_PATH', [pax({ path: 'n'.repeat(5000) }), entry({ name: 'a', content: 'x' })]],
  ['a component of 256 bytes', 'INVALID_PATH', [pax({ path: 'n'.repeat(256) }), entry({ name: 'a', content: 'x' })]],
  ['300 levels', 'INVALID_PATH', [pax({ path: 'd/'.repeat(300) }), entry({ name: 'a', type: '5' })]],
  ['no name', 'INVALID_PATH', [entry({ name: '', content: 'x' })]],
  ['the destination itself as a file', 'INVALID_PATH', [entry({ name: './', content: 'x' })]],
  [
    'a symlink, then a file through it',
    'INVALID_PATH',
    [entry({ name: 'd', type: '2', link: '..' }), entry({ name: 'd/precious', content: 'x' })],
  ],
  [
    'an absolute symlink, then a file through it',
    'INVALID_PATH',
    [entry({ name: 'd', type: '2', link: '/tmp' }), entry({ name: 'd/podhand-absolute', content: 'x' })],
  ],
  [
    'a symlink to a file, then that file',
    'INVALID_PATH',
    [entry({ name: 'f', type: '2', link: '../precious' }), entry({ name: 'f', content: 'x' })],
  ],
  [
    'two symlinks that lead out together',
    'INVALID_PATH',
    [
      entry({ name: 'a', type: '2', link: '.' }),
      entry({ name: 'a/b', type: '2', link: '..' }),
      entry({ name: 'a/b/precious', content: 'x' }),
    ],
  ],
  [
    'a symlink whose target comes later',
    'INVALID_PATH',
    [
      entry({ name: 'a', type: '2', link: 'later/up' }),
      entry({ name: 'later', type: '5' }),
      entry({ name: 'later/up', type: '2', link: '../..' }),
      entry({ name: 'a/precious', content: 'x' }),
    ],
  ],
  [
    'a directory that a symlink replaces',
    'INVALID_PATH',
    [entry({ name: 'd', type: '5' }), entry({ name: 'd', type: '2', link: '..' }), entry({ name: 'd/precious' })],
  ],
  [
    'a directory through a symlink',
    'INVALID_PATH',
    [entry({ name: 'd', type: '2', link: '..' }), entry({ name: 'd/new', type: '5' })],
  ],
  ['a hard link to a file outside', 'INVALID_PATH', [entry({ name: 'h', type: '1', link: '../precious' })]],
  ['a hard link to an absolute file', 'INVALID_PATH', [entry({ name: 'h', type: '1', link: '/etc/passwd' })]],
  [
    'a hard link through a symlink, then a file over it',
    'INVALID_PATH',
    [
      entry({ name: 'd', type: '2', link: '..' }),
      entry({ name: 'h', type: '1', link: 'd/precious' }),
      entry({ name: 'h', content: 'x' }),
    ],
  ],
  [
    'a hard link to a symlink',
    'INVALID_PATH',
    [entry({ name: 's', type: '2', link: '../precious' }), entry({ name: 'h', type: '1', link: 's' })],
  ],
  ['the same file twice', 'INVALID_PATH', [entry({ name: 'f', content: 'a' }), entry({ name: 'f', content: 'b' })]],
  ['a file as a directory', 'INVALID_PATH', [entry({ name: 'f', content: 'a' }), entry({ name: 'f/g', content: 'b' })]],
  ['a device', 'INTERNAL', [entry({ name: 'sda', type: '4' })]],
  ['a FIFO', 'INTERNAL', [entry({ name: 'p', type: '6' })]],
  ['a huge record', 'INTERNAL', [entry({ name: 'x', type: 'x', size: 8 ** 10 })]],
  ['a huge long name', 'INTERNAL', [entry({ name: 'x', type: 'L', size: 8 ** 10 })]],
  ['a malformed record', 'INTERNAL', [entry({ name: 'x', type: 'x', content: '99 path=a\n' }), entry({ name: 'a' })]],
  ['a negative size', 'INTERNAL', [pax({ size: '-1' }), entry({ name: 'a', content: 'x' })]],
  ['a size that is no number', 'INTERNAL', [pax({ size: '1e999' }), entry({ name: 'a', content: 'x' })]],
  [
    'a sparse map that goes back',
    'INTERNAL',
    [sparse('8'), entry({ name: 'a', content: sparseContent('2\n4\n2\n0\n2\n', 'abcd') })],
  ],
  [
    'a sparse map beyond the file',
    'INTERNAL',
    [sparse('8'), entry({ name: 'a', content: sparseContent('1\n7\n4\n', 'abcd') })],
  ],
  [
    'a sparse map without an end',
    'INTERNAL',
    [sparse('8'), entry({ name: 'a', content: sparseContent('999999\n1\n', '') })],
  ],
  [
    'a sparse map of words',
    'INTERNAL',
    [sparse('8'), entry({ name: 'a', content: sparseContent('1\nx\ny\n', 'abcd') })],
  ],
];

function sparse(size: string): Buffer {
  return pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': size });
}

function sparseContent(map: string, data: string): string {
  return map.padEnd(512, '\0') + data;
}

test.each(attacks)('refused, and nothing outside is changed: %s', async (_name, reason, pieces) => {
  rmSync('/tmp/podhand-absolute', { force: true });
  const before = surroundings();
  expect(await reasonOf(extractTar(inChunks(archive(...pieces)), destination))).toBe(reason);
  expect(surroundings()).toEqual(before);
  expect(existsSync('/tmp/podhand-absolute')).toBe(false);
});

test('a symlink that is there already is not followed, whoever made it', async () => {
  symlinkSync('..', join(destination, 'd'));
  const before = surroundings();
  const extraction = extractTar(inChunks(archive(entry({ name: 'd/precious', content: 'x' }))), destination);
  expect(await reasonOf(extraction)).toBe('INVALID_PATH');
  expect(surroundings()).toEqual(before);
});

test('set-id bits are left out, links are kept as they are', async () => {
  const pieces = [
    entry({ name: 'top/', type: '5', mode: 0o2500 }),
    entry({ name: 'top/run', content: '#!', mode: 0o6755 }),
    entry({ name: 'top/out', type: '2', link: '/etc/passwd' }),
  ];
  await extractTar(inChunks(archive(...pieces)), destination);
  expect(statSync(join(destination, 'top/run')).mode & 0o7777).toBe(0o755 & ~process.umask());
  expect(statSync(join(destination, 'top')).mode & 0o7700).toBe(0o700);
  expect(readlinkSync(join(destination, 'top/out'))).toBe('/etc/passwd');
});

test.each([1, 511, 512, 513, 100_000])(
  'an archive in chunks of %i bytes that is cut off is refused at every block',
  async (size) => {
    const whole = archive(
      entry({ name: 'a', content: 'x'.repeat(600) }),
      pax({ path: 'b' }),
      entry({ name: 'c', content: 'y' }),
    );
    for (let end = 0; end < whole.length - 1024; end += 512) {
      rmSync(destination, { recursive: true });
      mkdirSync(destination);
      expect(await reasonOf(extractTar(inChunks(whole.subarray(0, end), size), destination))).toBe('INTERNAL');
    }
  },
);

test('a damaged header is refused', async () => {
  const whole = archive(entry({ name: 'a', content: 'x' }));
  whole[0] = 0x62;
  expect(await reasonOf(extractTar(inChunks(whole), destination))).toBe('INTERNAL');
});

// What GNU tar writes of a real tree, in each of its formats.
test.each(['gnu', 'posix', 'ustar'])('a real tree comes out as it went into tar --format=%s', async (format) => {
  const source = join(outside, 'source');
  mkdirSync(join(source, 'deep', 'd'.repeat(90), 'e'.repeat(90)), { recursive: true });
  writeFileSync(join(source, 'deep', 'd'.repeat(90), 'e'.repeat(90), 'file'), 'deep');
  writeFileSync(join(source, 'empty'), '');
  writeFileSync(join(source, 'block'), Buffer.alloc(512, 1));
  writeFileSync(join(source, 'big'), Buffer.alloc(300_001, 2));
  writeFileSync(Buffer.concat([Buffer.from(`${source}/`), Buffer.from([0x6e, 0xff, 0xfe, 0x0a, 0x27])]), 'bytes');
  writeFileSync(join(source, 'name with\nnewline'), 'newline');
  symlinkSync('empty', join(source, 'link'));
  execFileSync('ln', [join(source, 'big'), join(source, 'hard')]);
  execFileSync('chmod', ['0555', join(source, 'deep')]);
  const bytes = execFileSync('tar', ['-c', `--format=${format}`, '-C', outside, 'source'], { maxBuffer: 1e8 });
  await extractTar(inChunks(bytes, 4099), destination);
  execFileSync('diff', ['-r', '--no-dereference', source, join(destination, 'source')]);
  const { ino } = statSync(join(destination, 'source/big'));
  expect(statSync(join(destination, 'source/hard')).ino).toBe(ino);
  expect(statSync(join(destination, 'source/big')).mtime).toEqual(
    format === 'posix' ? statSync(join(source, 'big')).mtime : expect.any(Date),
  );
});

test('a name of bytes in PAX keeps its bytes', async () => {
  const name = Buffer.concat([Buffer.alloc(120, 0x61), Buffer.from([0xff, 0x0a])]);
  await extractTar(inChunks(archive(pax({ path: name }), entry({ name: 'short', content: 'x' }))), destination);
  expect(readdirSync(destination, { encoding: 'buffer' })).toEqual([name]);
});

test('holes stay holes: a sparse file of 1 TB takes no space', async () => {
  const file = join(outside, 'sparse');
  writeFileSync(file, 'begin');
  truncateSync(file, 1e12);
  execFileSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=4096', 'count=1', 'seek=1000', 'conv=notrunc', 'status=none']);
  const bytes = execFileSync('tar', ['-c', '--sparse', '--format=posix', '-C', outside, 'sparse']);
  await extractTar(inChunks(bytes), destination);
  const { size, blocks } = statSync(join(destination, 'sparse'));
  expect(size).toBe(1e12);
  expect(blocks).toBeLessThan(1000);
}, 60_000);

test('a tree of more levels than descriptors are kept is walked with few', async () => {
  const pieces = Array.from({ length: 2000 }, (_, index) => entry({ name: `d${index}/e/f`, content: 'x' }));
  await extractTar(inChunks(archive(...pieces), 65_536), destination);
  expect(readdirSync(destination)).toHaveLength(2000);
  expect(readdirSync('/proc/self/fd').length).toBeLessThan(200);
});
