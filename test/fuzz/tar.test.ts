import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { TarReader as PulledReader } from '../../src/agent/files/archive/tar-reader.ts';
import { TarFormatError, TarReader } from '../../src/agent/files/tar/read.ts';
import { tarEntries } from '../../src/client/tar/entries.ts';
import { extractTar } from '../../src/client/tar/extract.ts';
import { PodhandError } from '../../src/wire/errors.ts';
import { ContainerRoot, tarOf } from '../files/container-root.ts';
import { changed, changes, cut, pieceSizes } from './bytes.ts';
import { costlyRuns, patience, runs } from './runs.ts';
import { type Node, plant, seen, trees } from './trees.ts';

const quietly = ['--warning=no-timestamp', '--warning=no-unknown-keyword', '--numeric-owner'];

/** One for all: its readers take a while to start. */
const root = new ContainerRoot();
const fileSource = root.source();
afterAll(async () => await root.close());

/** With the tree at `top`, and a directory to unpack into. */
async function withTree<Value>(nodes: readonly Node[], use: (directory: string) => Promise<Value>): Promise<Value> {
  const directory = mkdtempSync(join(tmpdir(), 'podhand-fuzz-'));
  try {
    mkdirSync(root.path('top'), { mode: 0o755 });
    plant(Buffer.from(root.path('top')), nodes);
    return await use(directory);
  } finally {
    for (const each of [root.path('top'), directory]) rmSync(each, { recursive: true, force: true });
  }
}

test(
  "a tree is the same after the agent has packed it and the system's tar has unpacked it",
  async () => {
    await fc.assert(
      fc.asyncProperty(trees, async (nodes) => {
        await withTree(nodes, async (directory) => {
          const archive = await tarOf(fileSource, '/top');
          execFileSync('tar', [...quietly, '-xpf', '-', '-C', directory], {
            input: archive,
            stdio: ['pipe', 'pipe', 'pipe'],
          });
          expect(seen(Buffer.from(join(directory, 'top')))).toEqual(seen(Buffer.from(root.path('top'))));
        });
      }),
      costlyRuns(10),
    );
  },
  patience,
);

/** Of each entry what all three readers tell. */
interface Told {
  readonly type: string;
  readonly path: string;
  readonly link: string;
  readonly mode: number;
  readonly mtime: number;
  readonly content: string;
}
const hash = (content: Buffer) => createHash('sha256').update(content).digest('hex');
const latin = (text: Uint8Array) => Buffer.from(text).toString('latin1');
const trimmed = (path: Buffer) => latin(path).replace(/\/+$/, '');

function byPulling(pieces: readonly Buffer[]): Told[] {
  const left = [...pieces];
  const reader = new TarReader(() => left.shift());
  const told: Told[] = [];
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    const { type, path, linkPath, mode, mtimeSeconds, size, segments, contentBytes } = entry;
    const parts: Buffer[] = [];
    for (let part = reader.content(); part !== undefined; part = reader.content()) parts.push(Buffer.from(part));
    const stored = Buffer.concat(parts);
    expect(stored.length).toBe(contentBytes);
    const whole = segments === undefined ? stored : Buffer.alloc(size);
    let at = 0;
    for (const { offset, length } of segments ?? []) at += stored.copy(whole, offset, at, at + length);
    told.push({ type, path: trimmed(path), link: latin(linkPath), mode, mtime: mtimeSeconds, content: hash(whole) });
  }
  return told;
}

async function byReading(pieces: readonly Buffer[]): Promise<Told[]> {
  const left = [...pieces];
  const reader = new PulledReader({ read: async () => (left.length === 0 ? undefined : left.splice(0, 2)) });
  const told: Told[] = [];
  for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
    const { type, path, linkPath, mode, mtimeSeconds } = entry;
    const parts: Buffer[] = [];
    for await (const part of reader.content()) parts.push(Buffer.from(part));
    told.push({
      type,
      path: trimmed(path),
      link: latin(linkPath),
      mode,
      mtime: mtimeSeconds,
      content: hash(Buffer.concat(parts)),
    });
  }
  return told;
}

async function* source(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

async function byClient(pieces: readonly Buffer[]): Promise<Told[]> {
  const told: Told[] = [];
  for await (const entry of tarEntries(source(pieces))) {
    const { type, name, target, mode, modifiedAt, size } = entry;
    // A size may say anything: only what comes is kept.
    const parts: { offset: number; bytes: Buffer }[] = [];
    for await (const { offset, bytes } of entry.content()) parts.push({ offset, bytes: Buffer.from(bytes) });
    const whole = parts.every(({ bytes }) => bytes.length <= 1e8) && size <= 1e8 ? Buffer.alloc(size) : Buffer.alloc(0);
    for (const { offset, bytes } of parts) bytes.copy(whole, offset);
    told.push({
      type,
      path: trimmed(name),
      link: latin(target),
      mode: mode & 0o7777,
      mtime: Math.floor(modifiedAt),
      content: hash(whole),
    });
  }
  return told;
}

test(
  "what the system's tar has packed is read alike by all readers, and unpacked by the client as it was",
  async () => {
    const format = fc.constantFrom('gnu', 'posix', 'ustar', 'pax');
    await fc.assert(
      fc.asyncProperty(trees, format, fc.boolean(), pieceSizes, async (nodes, format, sparse, sizes) => {
        await withTree(nodes, async (directory) => {
          const args = [
            `--format=${format}`,
            ...(sparse && format !== 'ustar' && format !== 'gnu' ? ['--sparse'] : []),
            '-cf',
            '-',
            'top',
          ];
          let archive: Buffer;
          try {
            archive = execFileSync('tar', ['--numeric-owner', ...args], {
              cwd: root.directory,
              maxBuffer: 1e9,
              stdio: ['pipe', 'pipe', 'pipe'],
            });
          } catch (error) {
            // ustar has no room for long names and large numbers, and tar says so.
            if (format !== 'ustar') throw error;
            return;
          }
          const pieces = cut(archive, sizes);
          const told = byPulling(pieces);
          expect(told.length).toBeGreaterThan(nodes.length > 0 ? 1 : 0);
          expect(await byClient(pieces)).toEqual(told);
          if (!sparse) expect(await byReading(pieces)).toEqual(told);
          const listed = execFileSync('tar', ['--quoting-style=literal', '--null', '-tf', '-'], {
            input: archive,
            maxBuffer: 1e9,
          });
          expect(listed.toString('latin1').split('\n').length).toBeGreaterThanOrEqual(told.length);
          mkdirSync(join(directory, 'out'));
          await extractTar(source(pieces), join(directory, 'out'));
          const facts = (line: string) => line.replace(/ [0-7]+ \d+:\d+ -?\d+ /, ' ');
          expect(seen(Buffer.from(join(directory, 'out', 'top'))).map(facts)).toEqual(
            seen(Buffer.from(root.path('top'))).map(facts),
          );
        });
      }),
      costlyRuns(10),
    );
  },
  patience,
);

test(
  'a changed archive is read or refused as one that is broken',
  async () => {
    const sound: Buffer[] = [];
    for (const nodes of fc.sample(trees, { numRuns: 6, seed: 7 })) {
      sound.push(
        await withTree(nodes, async () => {
          const args = ['--format=pax', '--sparse', '-cf', '-', 'top'];
          return sound.length % 2 === 0
            ? await tarOf(fileSource, '/top')
            : execFileSync('tar', args, { cwd: root.directory, maxBuffer: 1e9 });
        }),
      );
    }
    // Mostly of the headers: a checksum that fits what was changed.
    const forged = fc
      .tuple(
        fc.constantFrom(...sound),
        fc.nat(),
        fc.nat({ max: 511 }),
        fc.constantFrom(...Buffer.from('\0 07xgLK1259\x80\xff', 'latin1')),
      )
      .map(([archive, block, at, value]) => {
        const copy = Buffer.from(archive);
        const start = (block % (copy.length / 512)) * 512;
        copy[start + at] = value;
        let sum = 0;
        for (let each = 0; each < 512; each++) sum += each >= 148 && each < 156 ? 0x20 : (copy[start + each] ?? 0);
        copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, start + 148, 'latin1');
        return copy;
      });
    const any = fc.oneof(
      forged,
      fc.tuple(fc.constantFrom(...sound), changes).map(([archive, all]) => changed(archive, all)),
    );
    await fc.assert(
      fc.asyncProperty(any, pieceSizes, async (archive, sizes) => {
        const pieces = cut(archive, sizes);
        try {
          byPulling(pieces);
        } catch (error) {
          expect(error).toBeInstanceOf(TarFormatError);
        }
        for (const [reading, reason] of [
          [byReading, 'FILE_CHANGED'],
          [byClient, 'INTERNAL'],
        ] as const) {
          try {
            await reading(pieces);
          } catch (error) {
            expect(error).toBeInstanceOf(PodhandError);
            expect((error as PodhandError).reason).toBe(reason);
          }
        }
      }),
      runs(150),
    );
  },
  patience,
);
