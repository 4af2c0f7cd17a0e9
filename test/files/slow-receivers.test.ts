import { truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { ReaderPoolOptions } from '../../src/agent/files/reader/pool.ts';
import { chunkBytes } from '../../src/agent/files/reader/protocol.ts';
import { PacedReceiver } from '../../src/agent/files/receiver.ts';
import { writeStream } from '../../src/agent/files/save.ts';
import type { FileSource } from '../../src/agent/files/source.ts';
import { ContainerRoot, forever, readAll, reasonOf, rootUser, wide } from './container-root.ts';

const opened: ContainerRoot[] = [];
const readers: SlowReader[] = [];
afterEach(async () => {
  for (const reader of readers.splice(0)) await reader.stop();
  for (const root of opened.splice(0)) await root.close();
});

function rootWith(options: Partial<ReaderPoolOptions>, chunks: number): ContainerRoot {
  const root = new ContainerRoot(options);
  opened.push(root);
  writeFileSync(root.path('large'), '');
  truncateSync(root.path('large'), chunks * chunkBytes);
  writeFileSync(root.path('small'), 'content');
  return root;
}

const of = (root: ContainerRoot, podUid: string) => root.source(rootUser, undefined, undefined, podUid);

/** Takes a chunk, waits a little, takes the next. */
class SlowReader {
  taken = 0;
  ended: string | undefined;
  readonly #stop = new AbortController();
  readonly #reading: Promise<void>;

  constructor(source: FileSource, leastRate: number) {
    readers.push(this);
    this.#reading = reasonOf(this.#read(source, new PacedReceiver(leastRate))).then((reason) => {
      this.ended = reason;
    });
  }

  async #read(source: FileSource, receiver: PacedReceiver): Promise<void> {
    const body = await source.readFile(Buffer.from('/large'), wide, forever, receiver);
    for await (const chunk of receiver.taking(body.chunks)) {
      this.taken += chunk.length;
      await sleep(20);
      if (this.#stop.signal.aborted) return;
    }
  }

  async whole(): Promise<void> {
    await this.#reading;
    expect(this.ended).toBe('resolved');
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#reading;
  }
}

// Of 512 MiB, at 20 ms a chunk, each takes more than 40 s; none of them ever stalls.
test('slow receivers of two pods hold every reader: one of them gives way, and knows why', async () => {
  const root = rootWith({ perPod: 2, perNode: 4, stallMs: 3_000 }, 2048);
  const slow = ['one', 'one', 'two', 'two'].map((podUid) => new SlowReader(of(root, podUid), 2 ** 30));
  await expect.poll(() => root.pool.stats.running, { timeout: 20_000 }).toBe(4);
  expect((await readAll(of(root, 'three'), '/small')).toString()).toBe('content');
  expect(slow.every(({ taken }) => taken < 2048 * chunkBytes)).toBe(true);
  await expect.poll(() => slow.flatMap(({ ended }) => ended ?? []), { timeout: 20_000 }).toEqual(['TRANSFER_TOO_SLOW']);
  // Nobody waits any more: as slow as they are, the others go on.
  const others = slow.filter(({ ended }) => ended === undefined);
  const before = others.map(({ taken }) => taken);
  await expect
    .poll(() => others.every(({ taken }, at) => taken > (before[at] ?? 0) + 100 * chunkBytes), { timeout: 30_000 })
    .toBe(true);
  expect(others.map(({ ended }) => ended)).toEqual([undefined, undefined, undefined]);
}, 120_000);

test('while a reader is free nobody gives way, not to its own pod either', async () => {
  const root = rootWith({ perPod: 2, perNode: 4, stallMs: 3_000 }, 240);
  const slow = ['one', 'one', 'two'].map((podUid) => new SlowReader(of(root, podUid), 2 ** 30));
  await expect.poll(() => root.pool.stats.running, { timeout: 20_000 }).toBe(3);
  const own = readAll(of(root, 'one'), '/small');
  await expect.poll(() => root.pool.stats.waiting, { timeout: 20_000 }).toBe(1);
  for (const reader of slow) await reader.whole();
  expect(slow.map(({ taken }) => taken)).toEqual(slow.map(() => 240 * chunkBytes));
  expect((await own).toString()).toBe('content');
}, 120_000);

test.each([2 ** 20, 0])(
  'a receiver of the least rate (%i) goes on, whoever waits and for how long',
  async (leastRate) => {
    const root = rootWith({ perPod: 1, perNode: 1, stallMs: 3_000 }, 240);
    const steady = new SlowReader(of(root, 'one'), leastRate);
    await expect.poll(() => root.pool.stats.running, { timeout: 20_000 }).toBe(1);
    const other = readAll(of(root, 'two'), '/small');
    await steady.whole();
    expect((await other).toString()).toBe('content');
  },
  120_000,
);

test('what makes a stream slow for its receiver, and a job without one, give way to nobody', async () => {
  const root = rootWith({ perPod: 2, perNode: 2, stallMs: 1_000 }, 120);
  const receiver = new PacedReceiver(2 ** 30);
  const [quick, own] = [of(root, 'one'), of(root, 'one')];
  const bodies = [
    await quick.readFile(Buffer.from('/large'), wide, forever, receiver),
    await own.readFile(Buffer.from('/large'), wide, forever),
  ];
  const other = readAll(of(root, 'two'), '/small');
  await expect.poll(() => root.pool.stats.waiting, { timeout: 20_000 }).toBe(1);
  // As a compressor that has no processor.
  const slowly = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      await sleep(20);
      yield chunk;
    }
  };
  const taken = bodies.map(async ({ chunks }, at) => {
    let bytes = 0;
    const slow = slowly(chunks);
    for await (const chunk of at === 0 ? receiver.taking(slow) : slow) bytes += chunk.length;
    return bytes;
  });
  expect(await Promise.all(taken)).toEqual([120 * chunkBytes, 120 * chunkBytes]);
  expect(receiver.lagMs).toBeLessThan(1_000);
  expect((await other).toString()).toBe('content');
}, 120_000);

test('a receiver that takes nothing ends its job, and a sender that gives nothing', async () => {
  const root = rootWith({ perPod: 1, perNode: 1, stallMs: 100 }, 64);
  const body = await of(root, 'one').readFile(Buffer.from('/large'), wide, forever);
  await expect.poll(() => root.pool.stats.running, { timeout: 20_000 }).toBe(0);
  expect(await reasonOf(body.chunks[Symbol.asyncIterator]().next())).toBe('DEADLINE_EXCEEDED');
  const silent = new ReadableStream<Buffer>();
  const writing = writeStream({ ...root.save }, root.destination('/written'), silent, forever);
  expect(await reasonOf(writing)).toBe('DEADLINE_EXCEEDED');
});
