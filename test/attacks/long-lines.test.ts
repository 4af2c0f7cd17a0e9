import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, expect } from 'vitest';
import { record, WrittenLog } from '../logs/written-log.ts';
import { attackOn } from './attack.ts';

/** Which reads the files of the node; docker does too where `docker.logs` says so. */
const attack = attackOn('pns');

const GiB = 2 ** 30;
/** What was given and is not yet collected counts too. */
const most = GiB / 4;

let log: WrittenLog;
beforeEach(async () => {
  log = await WrittenLog.make('cri');
});
afterEach(async () => await log.remove());

/** Bytes read, and the most memory outside of the heap that was held over what there was before. */
async function readAll(): Promise<{ bytes: number; largest: number; held: number }> {
  const before = process.memoryUsage().arrayBuffers;
  let [bytes, largest, held] = [0, 0, 0];
  for await (const { data } of log.read()) {
    bytes += data.length;
    largest = Math.max(largest, data.length);
    held = Math.max(held, process.memoryUsage().arrayBuffers - before);
  }
  return { bytes, largest, held };
}

attack(51, 'a line of 1 GiB without a newline comes in chunks, in bounded memory', async () => {
  const piece = record('cri', { stream: 'stdout', text: 'x'.repeat(16_384) });
  const pieces = Buffer.from(piece.repeat(64));
  const fd = openSync(log.path, 'w');
  for (let at = 0; at < GiB / 16_384 / 64; at++) writeSync(fd, pieces);
  closeSync(fd);
  log.is('running');
  const { bytes, largest, held } = await readAll();
  expect(bytes).toBe(GiB);
  expect(largest).toBeLessThanOrEqual(65_536);
  expect(held).toBeLessThan(most);
});

attack(51, 'a record of 1 GiB that no runtime wrote ends the reading, in bounded memory', async () => {
  writeFileSync(log.path, record('cri', { stream: 'stdout', text: 'good\n' }));
  truncateSync(log.path, GiB);
  log.is('exited');
  const before = process.memoryUsage().arrayBuffers;
  await expect(readAll()).rejects.toMatchObject({ reason: expect.stringMatching(/^(LOG_LOST|LOGS_UNAVAILABLE)$/) });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(most);
});
