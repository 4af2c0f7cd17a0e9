import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { readerNice } from '../../src/agent/files/reader/protocol.ts';
import { ReaderThreads } from '../../src/agent/files/reader/threads.ts';
import { ContainerRoot, readAll } from './container-root.ts';

const opened: ContainerRoot[] = [];
afterEach(async () => {
  for (const root of opened.splice(0)) await root.close();
});

const descriptors = () => readdirSync('/proc/self/fd').length;
const niceOf = (thread: string) =>
  Number(readFileSync(`/proc/self/task/${thread}/stat`, 'latin1').split(') ')[1]?.split(' ')[16]);
const threads = () => readdirSync('/proc/self/task').length;

test('threads of a burst are ended after a while, and take their descriptors with them', async () => {
  const root = new ContainerRoot({ surplusMs: 50 });
  opened.push(root);
  writeFileSync(root.path('file'), 'content');
  const source = root.source();
  await readAll(source, '/file');
  const before = { descriptors: descriptors(), threads: threads() };
  for (let burst = 0; burst < 3; burst++) {
    await Promise.all(Array.from({ length: 4 }, () => readAll(source, '/file')));
    await expect.poll(threads, { timeout: 20_000 }).toBe(before.threads);
  }
  await expect.poll(descriptors, { timeout: 20_000 }).toBe(before.descriptors);
});

// Ended before, it would take the agent with it where it is just loading a native module: one time in some ninety here.
test('a thread is not ended before it has loaded its code', async () => {
  const pool = new ReaderThreads({ idle: 0, surplusMs: 1000, stallMs: 1000 });
  const worker = pool.take();
  let loaded = false;
  worker.once('message', () => {
    loaded = true;
  });
  await pool.end(worker);
  expect(loaded).toBe(true);
  await pool.close(0);
});

test('a thread that reads makes way for the one that answers', async () => {
  const before = readdirSync('/proc/self/task').map(niceOf);
  const root = new ContainerRoot();
  opened.push(root);
  writeFileSync(root.path('file'), 'content');
  await readAll(root.source(), '/file');
  const nice = readdirSync('/proc/self/task').map(niceOf);
  const readers = (all: readonly number[]) => all.filter((each) => each === readerNice).length;
  expect(readers(nice)).toBe(readers(before) + 1);
  expect([getPriority(), niceOf(String(process.pid))]).toEqual([0, 0]);
});
