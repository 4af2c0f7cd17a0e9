import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ChangeWatch } from '../../src/agent/executors/emissary/change-watch.ts';
import { type FileReading, readOutput } from '../../src/agent/executors/emissary/file-reading.ts';
import type { LogChunk, LogOptions } from '../../src/agent/executors/roles.ts';

let directory: string;
let changes: ChangeWatch;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'podhand-output-'));
  changes = new ChangeWatch((error) => {
    throw error;
  });
});
afterAll(async () => {
  await changes.close();
  rmSync(directory, { recursive: true, force: true });
});

const tag = Buffer.from('attempt1');
const plain: LogOptions = { follow: false, timestamps: false };

function reading(options: Partial<LogOptions>, more: Partial<FileReading> = {}): FileReading {
  const base = {
    file: 'combined',
    tag,
    hasEnded: () => true,
    onState: () => undefined,
    onWritten: () => undefined,
  } as const;
  return { ...base, options: { ...plain, ...options }, ...more };
}

async function read(path: string, of: FileReading, signal = new AbortController().signal): Promise<LogChunk[]> {
  const handle = await open(path);
  try {
    return await all(readOutput(handle, of, signal));
  } finally {
    await handle.close();
  }
}

async function all(chunks: AsyncIterable<LogChunk>): Promise<LogChunk[]> {
  const taken: LogChunk[] = [];
  for await (const chunk of chunks) taken.push(chunk);
  return taken;
}

const text = (chunks: readonly LogChunk[]) => Buffer.concat(chunks.map(({ data }) => data)).toString('latin1');

describe('output from a file', () => {
  const contents: [string, string][] = [
    ['nothing', ''],
    ['one line', 'one\n'],
    ['a last line without its end', 'one\ntwo'],
    ['newlines only', '\n\n\n'],
    ['lines over many blocks', Array.from({ length: 40_000 }, (_, at) => `line ${at}\n`).join('')],
    ['one line over many blocks', `${'x'.repeat(300_000)}\nend\n`],
    ['a line of exactly one block', `${'x'.repeat(65_535)}\nend`],
  ];

  test.each(contents)('%s: whole, resumed at each cursor, and its tails', async (_, content) => {
    const path = join(directory, 'content');
    writeFileSync(path, content);
    const chunks = await read(path, reading({}));
    expect(text(chunks)).toBe(content);
    expect(chunks.every(({ data }) => data.length >= 1 && data.length <= 65_536)).toBe(true);
    for (const [at, { cursor }] of chunks.entries()) {
      expect(text(await read(path, reading({ cursor })))).toBe(text(chunks.slice(at + 1)));
    }
    const lines = content.match(/[^\n]*\n|[^\n]+$/g) ?? [];
    for (const tailLines of [0, 1, 2, 3, 1000, 100_000]) {
      const expected = tailLines === 0 ? '' : lines.slice(-tailLines).join('');
      expect(text(await read(path, reading({ tailLines })))).toBe(expected);
    }
  });

  test('without follow a running container’s output ends where it was when it was asked for', async () => {
    const path = join(directory, 'growing');
    writeFileSync(path, 'one\n'.repeat(50_000));
    const handle = await open(path);
    const chunks = readOutput(handle, reading({}, { hasEnded: () => false }), new AbortController().signal);
    const first = await chunks.next();
    const more = openSync(path, 'a');
    writeSync(more, 'more\n');
    closeSync(more);
    const rest = await all(chunks);
    await handle.close();
    expect(text([first.value as LogChunk, ...rest])).toBe('one\n'.repeat(50_000));
  });

  test('followed until the end of the container, each write as it comes', async () => {
    const path = join(directory, 'followed');
    writeFileSync(path, 'first\n');
    const writer = openSync(path, 'a');
    const handle = await open(path);
    let ended = false;
    let wake: () => void = () => undefined;
    const of = reading(
      { follow: true },
      {
        hasEnded: () => ended,
        onState: (listener) => {
          wake = listener;
        },
        onWritten: (listener) => changes.once(handle.fd, 'file', listener),
      },
    );
    const chunks = readOutput(handle, of, AbortSignal.timeout(20_000));
    expect(text([(await chunks.next()).value as LogChunk])).toBe('first\n');
    for (const line of ['second\n', 'third\n', 'half']) {
      const next = chunks.next();
      writeSync(writer, line);
      expect(text([(await next).value as LogChunk])).toBe(line);
    }
    const last = chunks.next();
    writeSync(writer, ' line\n');
    ended = true;
    wake();
    expect(text([(await last).value as LogChunk])).toBe(' line\n');
    expect((await chunks.next()).done).toBe(true);
    closeSync(writer);
    await handle.close();
  });

  test('an abort ends a follow that nobody writes for', async () => {
    const path = join(directory, 'silent');
    writeFileSync(path, '');
    const abort = new AbortController();
    const following = read(path, reading({ follow: true }, { hasEnded: () => false }), abort.signal);
    abort.abort(new Error('enough'));
    await expect(following).rejects.toThrow('enough');
  });
});

describe('changes', () => {
  test('are told once for each time that they are asked for, however many there were', async () => {
    const path = join(directory, 'watched');
    writeFileSync(path, '');
    const fd = openSync(path, 'r');
    const told = { count: 0 };
    const asked = Promise.withResolvers<void>();
    changes.once(fd, 'file', () => {
      told.count++;
      asked.resolve();
    });
    for (let at = 0; at < 1000; at++) writeFileSync(path, `${at}`);
    await asked.promise;
    const again = Promise.withResolvers<void>();
    changes.once(fd, 'file', again.resolve);
    expect(told.count).toBe(1);
    writeFileSync(path, 'again');
    await again.promise;
    closeSync(fd);
  });

  test('that are no longer wanted are not told, those of another listener are', async () => {
    const path = join(directory, 'shared');
    writeFileSync(path, '');
    const fd = openSync(path, 'r');
    const other = Promise.withResolvers<void>();
    let told = false;
    const cancel = changes.once(fd, 'file', () => {
      told = true;
    });
    changes.once(fd, 'file', other.resolve);
    cancel?.();
    writeFileSync(path, 'x');
    await other.promise;
    expect(told).toBe(false);
    closeSync(fd);
  });
});
