import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { recordOf } from '../../src/agent/records/final-record.ts';
import { RecordFiles } from '../../src/agent/records/record-files.ts';
import { container, exited, podA } from '../rpc/scripted-executor.ts';

test('leaves alone what it is about to put in its place itself', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'podhand-records-'));
  const files = new RecordFiles(dir, pino({ level: 'silent' }), () => expect.unreachable('nothing is damaged'));
  try {
    // So many that the disk has most of them still to take when the last one is answered.
    const records = Array.from({ length: 300 }, (_, at) =>
      recordOf(podA, exited(container(podA, `c${at}`), at % 256), undefined),
    );
    const written = await Promise.all(records.map((record) => files.write(record)));
    const meanwhile = await files.load(1000);
    expect(meanwhile.unfinished).toEqual([]);
    await Promise.all(written.map(({ durable }) => durable));
    const found = await files.load(1000);
    expect(found.unfinished).toEqual([]);
    expect(found.records).toHaveLength(records.length);
    expect(found.records).toEqual(expect.arrayContaining(records));
  } finally {
    await files.close();
    await rm(dir, { recursive: true });
  }
});
