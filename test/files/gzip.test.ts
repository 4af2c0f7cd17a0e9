import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inBlocks, inOrder } from '../../src/agent/files/compress/blocks.ts';
import { gzip } from '../../src/agent/files/compress/gzip.ts';

const never = new AbortController().signal;
/** Some of it repeats across every border of a block, some of it nowhere. */
const text = Buffer.from(Array.from({ length: 200_000 }, (_, at) => `line ${at * 7919} of a log\n`).join(''));

class Source {
  pulled = 0;
  finished = false;
  readonly #chunks: readonly Buffer[];

  constructor(...chunks: Buffer[]) {
    this.#chunks = chunks;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (const chunk of this.#chunks) {
        this.pulled += 1;
        yield chunk;
      }
    } finally {
      this.finished = true;
    }
  }
}

async function listed<Each>(from: AsyncIterable<Each>): Promise<Each[]> {
  const list: Each[] = [];
  for await (const each of from) list.push(each);
  return list;
}
const all = async (pieces: AsyncIterable<Buffer>) => Buffer.concat(await listed(pieces));
const cut = (bytes: Buffer, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));

describe('gzip', () => {
  test.each([0, 1, 6, 9])('at level %i every reader reads it back, as one member', async (level) => {
    const packed = await all(gzip(new Source(...cut(text, 10_000)), level, never));
    expect(gunzipSync(packed).equals(text)).toBe(true);
    const options = { input: packed, maxBuffer: 2 * text.length };
    expect(execFileSync('gzip', ['-dc'], options).equals(text)).toBe(true);
    const script =
      'import sys, zlib; d = zlib.decompressobj(31); o = d.decompress(sys.stdin.buffer.read()); ' +
      'assert d.eof and not d.unused_data; sys.stdout.buffer.write(o)';
    expect(execFileSync('python3', ['-c', script], options).equals(text)).toBe(true);
  });

  test('is as small as on one core, within a hundredth', async () => {
    for (const level of [1, 6, 9]) {
      const { length } = await all(gzip(new Source(text), level, never));
      expect(length / gzipSync(text, { level }).length).toBeLessThan(1.01);
    }
  });

  test('the same bytes give the same archive, however they come', async () => {
    const [one, other] = [1000, 77_777].map((size) => all(gzip(new Source(...cut(text, size)), 0, never)));
    expect((await one)?.equals((await other) ?? Buffer.alloc(0))).toBe(true);
  });

  test('of nothing is a whole archive', async () => {
    const packed = await all(gzip(new Source(), 0, never));
    expect(gunzipSync(packed)).toHaveLength(0);
    expect(execFileSync('gzip', ['-dc'], { input: packed })).toHaveLength(0);
  });

  test('whatever the bytes are and however they come', async () => {
    const pieces = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 0, max: 1_500_000 }).map((length) => new Uint8Array(length)),
        fc.integer({ min: 0, max: 1_500_000 }).map((length) => text.subarray(text.length - length)),
      ),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(pieces, async (some) => {
        const chunks = some.map((piece) => Buffer.from(piece));
        const packed = await all(gzip(new Source(...chunks), 1, never));
        expect(gunzipSync(packed).equals(Buffer.concat(chunks))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('no more is read than the consumer takes', async () => {
    const source = new Source(...Array.from({ length: 20 }, () => Buffer.alloc(1024 * 1024)));
    const pieces = gzip(source, 0, never);
    for (let taken = 0; taken < 3; taken += 1) await pieces.next();
    expect(source.pulled).toBeLessThanOrEqual(7);
    await pieces.return(undefined);
    expect(source.finished).toBe(true);
  });

  test('an abort ends it, and its source', async () => {
    const stop = new AbortController();
    const source = new Source(...Array.from({ length: 20 }, () => Buffer.alloc(1024 * 1024)));
    const pieces = gzip(source, 0, stop.signal);
    await pieces.next();
    stop.abort(new Error('enough'));
    await expect(all(pieces)).rejects.toThrow('enough');
    expect(source.finished).toBe(true);
  });

  test('a source that fails fails it with its own error', async () => {
    const missing = createReadStream('/none');
    await expect(all(gzip(missing, 0, never))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test('blocks are of their size, the last one shorter', async () => {
  const blocks = await listed(inBlocks(new Source(...cut(text, 999)), 4096));
  expect(blocks.slice(0, -1).every(({ length }) => length === 4096)).toBe(true);
  expect(Buffer.concat(blocks).equals(text)).toBe(true);
});

test('results come in order, so many at once, and a failure comes in its turn', async () => {
  let atOnce = 0;
  let most = 0;
  const work = async (at: number): Promise<number> => {
    most = Math.max(most, ++atOnce);
    await new Promise((resolve) => setTimeout(resolve, (at % 3) * 5));
    atOnce -= 1;
    if (at === 7) throw new Error('seven');
    return at;
  };
  const source = (async function* () {
    for (let at = 0; at < 20; at += 1) yield at;
  })();
  const seen: number[] = [];
  const reading = (async () => {
    for await (const each of inOrder(source, 4, work)) seen.push(each);
  })();
  await expect(reading).rejects.toThrow('seven');
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(most).toBe(4);
});
