import { appendFile, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { LogChunk } from '../../src/agent/executors/roles.ts';
import { linesOf, randomRecords, writeGenerations } from './random-log.ts';
import { type Format, gather, record, type Stream, textOf, WrittenLog } from './written-log.ts';

const formats: Format[] = ['cri', 'docker-json'];
const streams: (Stream | undefined)[] = [undefined, 'stdout', 'stderr'];
const logs: WrittenLog[] = [];

async function made(format: Format, id?: string): Promise<WrittenLog> {
  const log = await WrittenLog.make(format, id);
  logs.push(log);
  return log;
}

function only(stream: Stream | undefined) {
  return stream === undefined ? {} : { stream };
}

afterEach(async () => {
  for (const log of logs.splice(0)) await log.remove();
});

describe.each(formats)('places in a %s log of several files', (format) => {
  it('reads every generation, compressed ones too, oldest first', async () => {
    const log = await made(format);
    const records = randomRecords(1, 2000);
    await writeGenerations(log, format, records, 5);
    for (const stream of ['stdout', 'stderr'] as const) {
      const whole = records.filter((one) => one.stream === stream).map(({ text }) => text);
      expect(textOf(await gather(log.read()), stream)).toBe(whole.join(''));
    }
  });

  it.each([1, 4])('finds the last lines among %i files', async (files) => {
    for (const seed of [2, 3]) {
      const log = await made(format);
      const records = randomRecords(seed, 120);
      await writeGenerations(log, format, records, files);
      for (const stream of streams) {
        const lines = linesOf(records, stream);
        for (const tailLines of [0, 1, 2, 3, 5, 17, 40, 80, lines.length, lines.length + 10]) {
          const chunks = await gather(log.read({ tailLines, ...only(stream) }));
          const last = tailLines === 0 ? [] : lines.slice(-tailLines);
          for (const of of ['stdout', 'stderr'] as const) {
            const expected = last.filter((line) => line.stream === of).map(({ text }) => text);
            expect(textOf(chunks, of), `${seed} ${stream} ${tailLines} ${of}`).toBe(expected.join(''));
          }
        }
      }
    }
  });

  it('finds the last line behind a block that has no other', async () => {
    const log = await made(format);
    const long = 'y'.repeat(600_000);
    const parts = format === 'cri' ? [`${long}\n`] : [...(long.match(/y{1,16384}/g) ?? []), '\n'];
    const texts = ['first\n', ...parts, 'last\n'];
    await writeFile(log.path, texts.map((text) => record(format, { stream: 'stdout', text })).join(''));
    expect(textOf(await gather(log.read({ tailLines: 2 }))) === `${long}\nlast\n`).toBe(true);
    expect(textOf(await gather(log.read({ tailLines: 1 })))).toBe('last\n');
  });

  it.each(streams)('goes on after every cursor as if it had never stopped (%s)', async (stream) => {
    const log = await made(format);
    await writeGenerations(log, format, randomRecords(4, 60), 4);
    for (const options of [
      {},
      { timestamps: true },
      { tailLines: 25 },
      { since: new Date(Date.UTC(2024, 0, 1) + 400) },
    ]) {
      const whole = await gather(log.read({ ...options, ...only(stream) }));
      expect(whole.length).toBeGreaterThan(0);
      for (const [index, { cursor }] of whole.entries()) {
        expect(cursor.length).toBeLessThanOrEqual(256);
        const timestamps = 'timestamps' in options;
        const rest = await gather(log.read({ cursor, timestamps, ...only(stream) }));
        for (const of of ['stdout', 'stderr'] as const) {
          expect(textOf([...whole.slice(0, index + 1), ...rest], of)).toBe(textOf(whole, of));
        }
      }
    }
  });

  it('goes on within a line that is longer than a chunk', async () => {
    const log = await made(format);
    const line = `${'0123456789abcdef'.repeat(30_000)}\n`;
    const parts = format === 'cri' ? [line] : (line.match(/[\da-f\n]{1,150000}/g) ?? []);
    const texts = ['a\n', ...parts, 'b\n'];
    await writeFile(log.path, texts.map((text) => record(format, { stream: 'stdout', text })).join(''));
    for (const timestamps of [false, true]) {
      const whole = await gather(log.read({ timestamps }));
      for (const [index, { cursor }] of whole.entries()) {
        const rest = await gather(log.read({ cursor, timestamps }));
        expect(textOf([...whole.slice(0, index + 1), ...rest]) === textOf(whole), String(index)).toBe(true);
      }
    }
  });

  it('goes on where it stopped after the file was rotated and compressed', async () => {
    const log = await made(format);
    const records = randomRecords(5, 40);
    const text = records.map((one) => record(format, one)).join('');
    await writeFile(log.path, text);
    const whole = await gather(log.read());
    const middle = whole[5] as LogChunk;
    const rotated = format === 'cri' ? `${log.path}.20240101-000000` : `${log.path}.1`;
    await rename(log.path, rotated);
    await writeFile(log.path, record(format, { stream: 'stdout', text: 'new\n' }));
    const expected = `${textOf(whole.slice(6), 'stdout')}new\n`;
    expect(textOf(await gather(log.read({ cursor: middle.cursor })), 'stdout')).toBe(expected);
    await writeFile(`${rotated}.gz`, gzipSync(text));
    await rm(rotated);
    expect(textOf(await gather(log.read({ cursor: middle.cursor })), 'stdout')).toBe(expected);
    await rm(`${rotated}.gz`);
    await expect(gather(log.read({ cursor: middle.cursor }))).rejects.toMatchObject({ reason: 'LOG_LOST' });
  });

  it('does not take a new file for the old one, whatever its inode', async () => {
    const log = await made(format);
    const chunk = (n: number) =>
      record(format, { stream: 'stdout', text: `same\n`, time: `2024-01-01T00:00:0${n}.1Z` });
    await writeFile(log.path, chunk(1) + chunk(2));
    const [first] = await gather(log.read());
    // Written in place: the same inode, and not shorter.
    await writeFile(log.path, chunk(3) + chunk(4) + chunk(5));
    await expect(gather(log.read({ cursor: first?.cursor as Buffer }))).rejects.toMatchObject({ reason: 'LOG_LOST' });
    await truncate(log.path);
    await expect(gather(log.read({ cursor: first?.cursor as Buffer }))).rejects.toMatchObject({ reason: 'LOG_LOST' });
  });

  it('refuses cursors that are none, damaged, or of another container', async () => {
    const log = await made(format);
    const other = await made(format, 'b'.repeat(64));
    const text = record(format, { stream: 'stdout', text: 'x\n' });
    for (const { path } of [log, other]) await appendFile(path, text);
    const [chunk] = await gather(log.read());
    const cursor = chunk?.cursor as Buffer;
    const flipped = Array.from(cursor, (_, at) => {
      const copy = Buffer.from(cursor);
      copy.writeUInt8(copy.readUInt8(at) ^ 0x10, at);
      return copy;
    });
    for (const bad of [
      Buffer.alloc(1),
      Buffer.from('nonsense'),
      Buffer.alloc(256, 0xff),
      cursor.subarray(1),
      ...flipped,
    ]) {
      await expect(gather(log.read({ cursor: bad }))).rejects.toMatchObject({ reason: 'INVALID_CURSOR' });
    }
    await expect(gather(other.read({ cursor }))).rejects.toMatchObject({ reason: 'INVALID_CURSOR' });
    expect(await gather(log.read({ cursor }))).toEqual([]);
  });

  it('leaves other files of the directory alone', async () => {
    const log = await made(format);
    const base = log.path.slice(log.directory.length + 1);
    const strangers = [
      '1.log',
      `${base}.tmp`,
      `${base}.bak`,
      `${base}.20240101-000000.gz.tmp`,
      `x${base}`,
      `${base}.1x`,
    ];
    for (const name of strangers)
      await writeFile(join(log.directory, name), 'not of this log, but long enough to be one\n');
    await writeFile(log.path, record(format, { stream: 'stdout', text: 'x\n' }));
    expect((await readdir(log.directory)).length).toBe(strangers.length + 1);
    expect(textOf(await gather(log.read()))).toBe('x\n');
  });
});
