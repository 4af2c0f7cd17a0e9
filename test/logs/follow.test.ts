import { spawn } from 'node:child_process';
import { appendFile, open, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { LogChunk } from '../../src/agent/executors/roles.ts';
import { type Format, gather, record, textOf, WrittenLog } from './written-log.ts';

/** As long as the other records' time. */
const laterTime = '2025-01-01T00:00:00.123456789Z';
const formats: Format[] = ['cri', 'docker-json'];
const logs: WrittenLog[] = [];

async function made(format: Format): Promise<WrittenLog> {
  const log = await WrittenLog.make(format);
  logs.push(log);
  return log;
}

/** Runs the writer to its end; its answer is how often it rotated. */
function write(log: WrittenLog, lines: number, everyMs: number, keep: number, compress: 'gzip' | 'plain') {
  const program = fileURLToPath(new URL('rotating-writer.ts', import.meta.url));
  const args = [program, log.format, log.path, lines, everyMs, keep, compress].map(String);
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (data) => {
    said += String(data);
  });
  return new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(Number(said)) : reject(new Error(`the writer failed: ${code}`))));
  });
}

function numbered(lines: number, stream: 'stdout' | 'stderr'): string {
  const all = Array.from({ length: lines }, (_, line) => line);
  return all
    .filter((line) => (line % 7 === 0) === (stream === 'stderr'))
    .map((line) => `line ${line}\n`)
    .join('');
}

function expectAll(chunks: readonly LogChunk[], lines: number): void {
  for (const stream of ['stdout', 'stderr'] as const) {
    expect(textOf(chunks, stream) === numbered(lines, stream), stream).toBe(true);
  }
}

/** Collects in the background, with a way to see how far it is. */
function following(chunks: AsyncIterable<LogChunk>) {
  const seen: LogChunk[] = [];
  let wake = () => {};
  const done = (async () => {
    for await (const chunk of chunks) {
      seen.push(chunk);
      wake();
    }
  })();
  done.catch(() => wake());
  const until = async (text: string) => {
    while (!textOf(seen).includes(text)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { seen, done, until };
}

/** A reader that has the first file open, before anything is rotated. What told us so is not among what it has seen. */
async function begun(log: WrittenLog) {
  await writeFile(log.path, record(log.format, { stream: 'stdout', text: 'begin\n' }));
  const reader = following(log.read({ follow: true }));
  await reader.until('begin');
  reader.seen.length = 0;
  return reader;
}

afterEach(async () => {
  for (const log of logs.splice(0)) await log.remove();
});

describe.each(formats)('following a %s log', (format) => {
  const out = (text: string) => record(format, { stream: 'stdout', text });

  it.each(['plain', 'gzip'] as const)(
    'neither loses nor doubles one of 100,000 lines over rotations every 50 ms (%s)',
    async (compress) => {
      const log = await made(format);
      const { seen, done } = await begun(log);
      const rotations = await write(log, 100_000, 50, 400, compress);
      log.is('exited');
      await done;
      expect(rotations).toBeGreaterThan(3);
      expectAll(seen, 100_000);
    },
  );

  it('gives everything, or says that it lost something, where few rotated files are kept', async () => {
    for (const keep of [1, 2, 3]) {
      const log = await made(format);
      const { seen, done } = following(log.read({ follow: true }));
      const outcome = done.then(
        () => 'complete',
        (error: unknown) => (error as { reason?: string }).reason,
      );
      await write(log, 40_000, 20, keep, 'gzip');
      log.is('exited');
      // Which of the two is up to the machine; that nothing is missing before it says so is not.
      if ((await outcome) === 'complete') expectAll(seen, 40_000);
      else expect(await outcome).toBe('LOG_LOST');
      for (const stream of ['stdout', 'stderr'] as const) {
        expect(numbered(40_000, stream).startsWith(textOf(seen, stream)), `${keep} ${stream}`).toBe(true);
      }
    }
  });

  it('follows a slow reader, resumed at any chunk, over rotations', async () => {
    const log = await made(format);
    await writeFile(log.path, '');
    const writing = write(log, 20_000, 100, 400, 'plain');
    const seen: LogChunk[] = [];
    const stop = new AbortController();
    while (log.container.state === 'running' || stop.signal.aborted === false) {
      const cursor = seen.at(-1)?.cursor;
      let taken = 0;
      let ended = true;
      for await (const chunk of log.read({ follow: true, ...(cursor && { cursor }) })) {
        seen.push(chunk);
        if (seen.length === 1) writing.then(() => log.is('exited'));
        await sleep(1);
        if (++taken === 200) {
          ended = false;
          break;
        }
      }
      if (ended) stop.abort();
    }
    await writing;
    expectAll(seen, 20_000);
  });

  it('gives a line as soon as it is written, and ends when the container has', async () => {
    const log = await made(format);
    const { seen, done, until } = following(log.read({ follow: true }));
    for (const text of ['one\n', 'two\n', 'three\n']) {
      await appendFile(log.path, out(text));
      await until(text);
    }
    await appendFile(log.path, out('last\n').slice(0, 20));
    log.is('exited');
    await sleep(100);
    await appendFile(log.path, out('last\n').slice(20));
    await done;
    expect(textOf(seen)).toBe('one\ntwo\nthree\nlast\n');
  });

  it('takes what the runtime writes late', async () => {
    const log = await made(format);
    await writeFile(log.path, out('early\n'));
    const container = log.is('exited');
    const reading = gather(log.read({}));
    await sleep(100);
    await appendFile(log.path, out('late\n'));
    expect(textOf(await reading)).toBe('early\nlate\n');
    expect(container.state).toBe('exited');
  });

  it('waits for a log that is not there yet', async () => {
    const log = await made(format);
    await rm(log.directory, { recursive: true });
    log.is('waiting');
    const { seen, done } = following(log.read({ follow: true }));
    await sleep(50);
    await import('node:fs/promises').then(({ mkdir }) => mkdir(log.directory, { recursive: true }));
    log.is('running');
    await sleep(50);
    await appendFile(log.path, out('here\n'));
    await sleep(50);
    log.is('exited');
    await done;
    expect(textOf(seen)).toBe('here\n');
  });

  it('ends though a left-over process prints for ever', async () => {
    const log = await made(format);
    const file = await open(log.path, 'a');
    let on = true;
    const printing = (async () => {
      for (let line = 0; on; line++) {
        await file.appendFile(out(`noise ${line}\n`));
        if (line % 20 === 0) await sleep(1);
      }
    })();
    const role = log.role({ settle: 100, longest: 400 });
    const reading = gather(role.read(log.container, { follow: true, timestamps: false }, new AbortController().signal));
    await sleep(50);
    log.is('exited');
    const text = textOf(await reading);
    on = false;
    await printing;
    await file.close();
    expect(text).toMatch(/^noise 0\nnoise 1\n/);
    expect(text.endsWith('\n')).toBe(true);
  });

  it.each(['truncated', 'written anew'])('says so when the log is %s in place', async (how) => {
    const log = await made(format);
    const { seen, done, until } = following(log.read({ follow: true }));
    await appendFile(log.path, out('before\n'));
    await until('before');
    // Written over with records of the same length: neither the size nor a torn record tells that one was never given.
    const anew = ['other1', 'other2'].map(
      (text) => ({ stream: 'stdout', text: `${text}\n`, time: laterTime }) as const,
    );
    if (how === 'truncated') await truncate(log.path);
    else await writeFile(log.path, anew.map((one) => record(format, one)).join(''), { flag: 'r+' });
    await expect(done).rejects.toMatchObject({ reason: 'LOG_LOST' });
    expect(textOf(seen)).toBe('before\n');
  });

  it('says so when files were rotated away before it could read them', async () => {
    const log = await made(format);
    await writeFile(log.path, out('first\n'));
    const reading = log.read({ follow: true })[Symbol.asyncIterator]();
    expect((await reading.next()).value?.data.toString()).toBe('first\n');
    // Twice rotated at once, one file kept: the one between is gone. A rename over the log hides it for certain.
    await writeFile(`${log.path}.new`, out('third\n'));
    await rename(`${log.path}.new`, log.path);
    await expect(reading.next()).rejects.toMatchObject({ reason: 'LOG_LOST' });
  });

  it('stops at once when it is aborted, and leaves no descriptor behind', async () => {
    const { readdirSync } = await import('node:fs');
    const log = await made(format);
    await writeFile(log.path, out('x\n'));
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 30; round++) {
      const stop = new AbortController();
      const { done, until } = following(log.read({ follow: true }, stop.signal));
      await until('x');
      stop.abort();
      await expect(done).rejects.toMatchObject({ name: 'AbortError' });
      for await (const _ of log.read({ follow: true })) break;
    }
    expect(readdirSync('/proc/self/fd').length).toBeLessThan(before + 10);
  });

  it('gives what was there of a running container, and no more, without follow', async () => {
    const log = await made(format);
    const file = await open(log.path, 'a');
    let on = true;
    await file.appendFile(out('first\n'));
    const printing = (async () => {
      while (on) await file.appendFile(out('more\n'));
    })();
    const chunks = await gather(log.read());
    on = false;
    await printing;
    await file.close();
    expect(textOf(chunks)).toMatch(/^first\n(more\n)*$/);
  });
});
