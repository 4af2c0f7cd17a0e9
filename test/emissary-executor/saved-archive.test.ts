import { randomBytes } from 'node:crypto';
import { mkdtempSync, openSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SavedArchive } from '../../src/agent/executors/emissary/saved-archive.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'podhand-saved-'));
  path = join(directory, 'report.tgz');
  const archive = pack();
  archive.entry({ name: 'report' }, randomBytes(1_000_000));
  archive.finalize();
  writeFileSync(path, gzipSync(await buffer(archive)));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const isOpen = (fd: number) => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === path;
  } catch {
    return false;
  }
};
const limits = { maxFileBytes: 2_000_000, maxTreeBytes: 2_000_000, maxEntries: 10, maxDepth: 10 };

describe('the descriptor of an artifact that the emissary has packed', () => {
  test('is closed when a call ends that has asked for none of its bytes', async () => {
    const call = new AbortController();
    const fd = openSync(path, 'r');
    const archive = await SavedArchive.open(fd, Buffer.from('/report'), call.signal);
    expect(archive.file(limits).facts).toMatchObject({ size: 1_000_000 });
    expect(isOpen(fd)).toBe(true);
    call.abort();
    await expect.poll(() => isOpen(fd)).toBe(false);
  });

  test('is closed when all of it was read', async () => {
    const fd = openSync(path, 'r');
    const archive = await SavedArchive.open(fd, Buffer.from('/report'), new AbortController().signal);
    expect(await buffer(archive.file(limits).chunks)).toHaveLength(1_000_000);
    await expect.poll(() => isOpen(fd)).toBe(false);
  });

  test('is closed when it is no such archive', async () => {
    writeFileSync(path, 'nothing of the kind');
    const fd = openSync(path, 'r');
    await expect(SavedArchive.open(fd, Buffer.from('/report'), new AbortController().signal)).rejects.toMatchObject({
      reason: 'FILE_CHANGED',
    });
    await expect.poll(() => isOpen(fd)).toBe(false);
  });
});
