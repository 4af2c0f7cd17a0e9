import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type FinalRecord, recordOf } from '../../src/agent/records/final-record.ts';
import { KeptRecords, keyOf } from '../../src/agent/records/kept-records.ts';
import type { LoadedRecords } from '../../src/agent/records/record-files.ts';
import { container, exited, podA } from '../rpc/scripted-executor.ts';

// A disk that takes its time, and then says no: a real one does not on demand.
class ScriptedDisk {
  readonly writes: { readonly record: FinalRecord; readonly durable: PromiseWithResolvers<void> }[] = [];
  loaded: LoadedRecords = { records: [], unfinished: [] };
  where = 'first';

  readonly place = async () => this.where;
  readonly load = async () => this.loaded;
  readonly pods = async () => new Set([podA.uid]);
  readonly write = async (record: FinalRecord) => {
    const durable = Promise.withResolvers<void>();
    this.writes.push({ record, durable });
    return { durable: durable.promise };
  };
  readonly finish = this.write;

  async ends(at: number, code?: string): Promise<void> {
    const durable = this.writes[at]?.durable;
    if (code === undefined) durable?.resolve();
    else durable?.reject(Object.assign(new Error(code), { code }));
    // Until it has been heard.
    await new Promise(setImmediate);
  }
}

let disk: ScriptedDisk;
let kept: KeptRecords;
let said: string[];
let refused: number;
beforeEach(async () => {
  disk = new ScriptedDisk();
  said = [];
  refused = 0;
  const log = pino({ level: 'info' }, { write: (line: string) => void said.push(JSON.parse(line).msg) });
  const metrics = { written: () => undefined, refused: () => void refused++ };
  kept = new KeptRecords({ files: disk, log, maxRecords: 10, metrics });
  await kept.read();
});
afterEach(() => vi.useRealTimers());

const record = (exitCode: number, name = 'main') => recordOf(podA, exited(container(podA, name), exitCode), undefined);
const one = record(1);
const key = keyOf(one);
const whys = () => [...kept.refused.values()].map(({ why }) => why);

test('is answered before it is durable, and refused where it cannot be made so', async () => {
  await kept.keep(one);
  expect(whys()).toEqual([]);
  await disk.ends(0, 'EIO');
  expect(whys()).toEqual(['EIO']);
  expect([said, refused]).toEqual([['final record not written'], 1]);
});

test('refused again: said once, and the others are not tried', async () => {
  for (const name of ['main', 'other']) await kept.keep(record(1, name));
  for (const at of [0, 1]) await disk.ends(at, 'EIO');
  const again = kept.keepRefused();
  await vi.waitFor(() => expect(disk.writes).toHaveLength(3));
  await disk.ends(2, 'EIO');
  await again;
  expect(disk.writes).toHaveLength(3);
  expect(whys()).toEqual(['EIO', 'EIO']);
  expect(said).toEqual(['final record not written', 'final record not written']);
});

test('one that was forgotten meanwhile does not come back', async () => {
  await kept.keep(one);
  kept.forget(key);
  await disk.ends(0, 'ENOENT');
  expect([whys(), said, refused]).toEqual([[], [], 0]);
});

test('what was found on another disk meanwhile is not written over', async () => {
  await kept.keep(one);
  disk.loaded = { records: [record(0)], unfinished: [] };
  disk.where = 'second';
  await kept.read();
  await disk.ends(0, 'ENOENT');
  await kept.keepRefused();
  expect([whys(), disk.writes.length]).toEqual([[], 1]);
});

test('two of one attempt are written one after the other', async () => {
  await kept.keep(one);
  const later = kept.keep(record(2));
  await new Promise(setImmediate);
  expect(disk.writes).toHaveLength(1);
  await disk.ends(0);
  await later;
  expect(disk.writes.map((write) => write.record.exitCode)).toEqual([1, 2]);
});

test('what an agent that was killed had begun is finished, and nobody waits for it', async () => {
  disk.loaded = { records: [one], unfinished: [one] };
  disk.where = 'second';
  expect(await kept.read()).toEqual([one]);
  expect(disk.writes.map((write) => write.record)).toEqual([one]);
  await disk.ends(0);
  await kept.synced();
});

test('a disk that does not finish is told of after half a minute', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  await kept.keep(one);
  vi.advanceTimersByTime(29_000);
  expect(kept.unwritten).toBe(0);
  vi.advanceTimersByTime(2_000);
  expect(kept.unwritten).toBe(1);
});
