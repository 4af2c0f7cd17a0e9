import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { EngineLogs, mixed, text } from './engine-logs.ts';

describe('the docker executor reads logs', () => {
  const on = new EngineLogs();

  it('gives both streams in order, or one of them', async () => {
    const container = await on.pod.sh('main', mixed);
    const chunks = await on.all(container);
    const out = `${[0, 1, 2, 3, 4, 5].map((i) => `out ${i}\n`).join('')}${'a'.repeat(40_000)}\nthree\nlines\nat once\nno newline`;
    const err = `${[0, 1, 2, 3, 4, 5].map((i) => `err ${i}\n`).join('')}${'b'.repeat(20_000)}\n`;
    expect(text(chunks, 'stdout')).toBe(out);
    expect(text(chunks, 'stderr')).toBe(err);
    expect(chunks.slice(0, 4).map(({ stream, data }) => [stream, data.toString()])).toEqual([
      ['stdout', 'out 0\n'],
      ['stderr', 'err 0\n'],
      ['stdout', 'out 1\n'],
      ['stderr', 'err 1\n'],
    ]);
    expect(text(await on.all(container, { stream: 'stdout' }))).toBe(out);
    expect(text(await on.all(container, { stream: 'stderr' }))).toBe(err);
    for (const { time, data, cursor } of chunks) {
      expect(Math.abs(Date.now() - (time?.getTime() ?? 0))).toBeLessThan(600_000);
      expect(data.length).toBeLessThanOrEqual(65_536);
      expect(cursor.length).toBeLessThanOrEqual(256);
    }
  });

  it('stamps lines, not the parts of a long one', async () => {
    const container = await on.pod.sh('main', `echo short; head -c 40000 /dev/zero | tr '\\0' a; echo; printf end`);
    const stamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z /;
    const lines = text(await on.all(container, { timestamps: true })).split('\n');
    expect(lines.map((line) => line.replace(stamp, '<stamp>'))).toEqual([
      '<stamp>short',
      `<stamp>${'a'.repeat(40_000)}`,
      '<stamp>end',
    ]);
    const whole = await on.all(container, { timestamps: true });
    for (const [index, { cursor }] of whole.entries()) {
      const rest = await on.all(container, { timestamps: true, cursor });
      expect(text([...whole.slice(0, index + 1), ...rest])).toBe(text(whole));
    }
  });

  it('gives one line of 10 MB byte for byte, in chunks', async () => {
    const size = 10 << 20;
    // The container says itself what it wrote.
    const random = `head -c ${size / 2} /dev/urandom | od -An -v -tx1 | tr -d ' \\n' > /line`;
    const container = await on.pod.sh('main', `${random}; cat /line; echo; sha256sum /line >&2`);
    const chunks = await on.all(container, { stream: 'stdout' });
    const whole = Buffer.concat(chunks.map(({ data }) => data));
    expect(whole.length).toBe(size + 1);
    expect(whole.indexOf(0x0a)).toBe(size);
    const sum = createHash('sha256').update(whole.subarray(0, size)).digest('hex');
    expect(text(await on.all(container, { stream: 'stderr' }))).toContain(sum);
    const middle = chunks[Math.floor(chunks.length / 2)];
    const given = chunks.slice(0, Math.floor(chunks.length / 2) + 1);
    const rest = await on.all(container, { stream: 'stdout', cursor: middle?.cursor ?? Buffer.alloc(0) });
    expect(Buffer.concat([...given, ...rest].map(({ data }) => data)).equals(whole)).toBe(true);
  });

  it('gives 100 MB of lines without a loss, reading no faster than it is asked', async () => {
    const container = await on.pod.sh(
      'main',
      `yes 'a line of the log that is about as long as many lines are' | head -c 100000000`,
    );
    const hash = createHash('sha256');
    let size = 0;
    for await (const { data } of on.read(container)) {
      hash.update(data);
      size += data.length;
    }
    expect(size).toBe(100_000_000);
    const line = 'a line of the log that is about as long as many lines are\n';
    const expected = line.repeat(Math.ceil(size / line.length)).slice(0, size);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(expected).digest('hex'));
    const iterator = on.read(container)[Symbol.asyncIterator]();
    await iterator.next();
    const before = process.memoryUsage().rss;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(process.memoryUsage().rss - before).toBeLessThan(30_000_000);
    await iterator.return?.();
  });

  it('gives what docker keeps of bytes that are not UTF-8', async () => {
    const container = await on.pod.sh('main', `printf 'a\\377\\376b\\n'; printf '\\303\\244\\n'`);
    expect(text(await on.all(container))).toBe('a\ufffd\ufffdb\nä\n');
  });

  it('gives nothing of a container that wrote nothing', async () => {
    expect(await on.all(await on.pod.sh('main', 'true'))).toEqual([]);
    expect(await on.all(await on.pod.sh('again', 'true'), { follow: true })).toEqual([]);
  });

  it.each([
    ['lines', `echo one; echo two >&2; printf three`, 'one\r\ntwo\r\nthree'],
    ['a long line', `head -c 50000 /dev/zero | tr '\\0' a; echo; echo after`, `${'a'.repeat(50_000)}\r\nafter\r\n`],
    ['a line of exactly a part', `head -c 32768 /dev/zero | tr '\\0' a; echo`, `${'a'.repeat(32_768)}\r\n`],
    ['no newline at all', `head -c 40000 /dev/zero | tr '\\0' a`, 'a'.repeat(40_000)],
  ])('gives %s of a TTY as stdout', async (_name, script, expected) => {
    const container = await on.pod.sh('main', script, { Tty: true });
    const whole = await on.all(container);
    expect(text(whole)).toBe(expected);
    expect(new Set(whole.map(({ stream }) => stream))).toEqual(new Set(['stdout']));
    expect(await on.all(container, { stream: 'stderr' })).toEqual([]);
    for (const [index, { cursor }] of whole.entries()) {
      expect(text([...whole.slice(0, index + 1), ...(await on.all(container, { cursor }))])).toBe(expected);
    }
    expect(text(await on.all(container, { tailLines: 1 }))).toBe(
      expected.slice(expected.lastIndexOf('\n', expected.length - 2) + 1),
    );
  });

  it.each([
    [1, undefined, 'no newline'],
    [2, 'stdout', 'at once\nno newline'],
    [1, 'stderr', `${'b'.repeat(20_000)}\n`],
    [2, 'stderr', `err 5\n${'b'.repeat(20_000)}\n`],
    [5, 'stdout', `${'a'.repeat(40_000)}\nthree\nlines\nat once\nno newline`],
    [1000, 'stderr', `${[0, 1, 2, 3, 4, 5].map((i) => `err ${i}\n`).join('')}${'b'.repeat(20_000)}\n`],
    [0, undefined, ''],
  ] as const)('gives the last %i lines of %s', async (tailLines, stream, expected) => {
    const container = await on.pod.sh('main', mixed);
    const wanted = { tailLines, ...(stream !== undefined && { stream }) };
    const chunks = await on.all(container, wanted);
    expect(text(chunks)).toBe(expected);
    for (const [index, { cursor }] of chunks.entries()) {
      const rest = await on.all(container, { cursor, ...(stream !== undefined && { stream }) });
      expect(text([...chunks.slice(0, index + 1), ...rest])).toBe(expected);
    }
  });

  it('gives what was written at or after a time', async () => {
    const container = await on.pod.sh('main', 'echo before; sleep 0.2; echo after');
    const [, after] = await on.all(container, { timestamps: true }).then((chunks) => text(chunks).split('\n'));
    const since = new Date(after?.slice(0, 24) ?? '');
    since.setMilliseconds(since.getMilliseconds() - 100);
    expect(text(await on.all(container, { since }))).toBe('after\n');
    expect(text(await on.all(container, { since, tailLines: 10 }))).toBe('after\n');
    expect(await on.all(container, { since: new Date(Date.now() + 60_000) })).toEqual([]);
  });

  it.each([['none', 'LOGS_UNAVAILABLE', { HostConfig: { LogConfig: { Type: 'none', Config: {} } } }]])(
    'refuses the log driver %s',
    async (_driver, reason, options) => {
      const container = await on.pod.sh('main', 'echo x', options);
      await expect(on.all(container)).rejects.toMatchObject({ reason });
    },
  );

  it('refuses what has no log', async () => {
    const created = await on.pod.create('main', ['true']);
    await expect(on.all(created)).rejects.toMatchObject({ reason: 'CONTAINER_NOT_STARTED' });
    const removed = await on.pod.sh('removed', 'echo x');
    await removed.remove();
    await expect(on.all(removed)).rejects.toMatchObject({ reason: 'LOGS_UNAVAILABLE' });
  });
});
