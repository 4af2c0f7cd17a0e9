import { createHash } from 'node:crypto';
import type Docker from 'dockerode';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Engine } from '../../src/agent/executors/docker/engine.ts';
import { DockerLogs } from '../../src/agent/executors/docker/logs/docker-logs.ts';
import type { LogChunk, LogOptions } from '../../src/agent/executors/roles.ts';
import { exclusiveEngine } from './exclusive-engine.ts';
import { containerOf, LabelledPod } from './test-pod.ts';

const never = new AbortController().signal;
/** Lines on both streams, long ones among them, slowly enough to be in a known order. */
const mixed = `
  i=0
  while [ $i -lt 6 ]; do
    echo "out $i"; sleep 0.01
    echo "err $i" >&2; sleep 0.01
    i=$((i+1))
  done
  head -c 40000 /dev/zero | tr '\\0' a; echo; sleep 0.01
  printf 'three\\nlines\\nat once\\n'; sleep 0.01
  head -c 20000 /dev/zero | tr '\\0' b >&2; echo >&2; sleep 0.01
  printf 'no newline'`;

describe('the docker executor reads logs', () => {
  let node: Awaited<ReturnType<typeof exclusiveEngine>>;
  let engine: Engine;
  let logs: DockerLogs;
  let pod: LabelledPod;

  beforeAll(async () => {
    node = await exclusiveEngine();
    engine = new Engine(node.socketPath);
    logs = new DockerLogs(engine);
  });
  afterAll(async () => {
    await engine.close();
    await node.close();
  });
  beforeEach(() => {
    pod = new LabelledPod(node.docker);
  });
  afterEach(async () => {
    await pod.remove();
  });

  function read({ id }: Docker.Container, options: Partial<LogOptions> = {}, signal = never): AsyncIterable<LogChunk> {
    return logs.read(containerOf(pod, id), { follow: false, timestamps: false, ...options }, signal);
  }

  async function all(container: Docker.Container, options: Partial<LogOptions> = {}): Promise<LogChunk[]> {
    const chunks: LogChunk[] = [];
    for await (const chunk of read(container, options)) chunks.push(chunk);
    return chunks;
  }

  const text = (chunks: readonly LogChunk[], stream?: string) =>
    Buffer.concat(
      chunks.filter((chunk) => stream === undefined || chunk.stream === stream).map(({ data }) => data),
    ).toString();

  it('gives both streams in order, or one of them', async () => {
    const container = await pod.sh('main', mixed);
    const chunks = await all(container);
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
    expect(text(await all(container, { stream: 'stdout' }))).toBe(out);
    expect(text(await all(container, { stream: 'stderr' }))).toBe(err);
    for (const { time, data, cursor } of chunks) {
      expect(Math.abs(Date.now() - (time?.getTime() ?? 0))).toBeLessThan(600_000);
      expect(data.length).toBeLessThanOrEqual(65_536);
      expect(cursor.length).toBeLessThanOrEqual(256);
    }
  });

  it.each([undefined, 'stdout', 'stderr'] as const)(
    'resumes at every cursor of %s to the same whole',
    async (stream) => {
      const container = await pod.sh('main', mixed);
      const wanted = stream === undefined ? {} : { stream };
      const whole = await all(container, wanted);
      for (const [index, { cursor }] of whole.entries()) {
        const rest = await all(container, { ...wanted, cursor });
        const given = whole.slice(0, index + 1);
        for (const name of ['stdout', 'stderr']) {
          expect(`${text(given, name)}${text(rest, name)}`, `${name} after chunk ${index}`).toBe(text(whole, name));
        }
      }
    },
  );

  it('resumes in a followed log, each time after one chunk', async () => {
    const container = await pod.run('main', ['/bin/sh', '-c', mixed]);
    const seen: LogChunk[] = [];
    for (;;) {
      const cursor = seen.at(-1)?.cursor;
      const iterator = read(container, { follow: true, ...(cursor !== undefined && { cursor }) })[
        Symbol.asyncIterator
      ]();
      const next = await iterator.next();
      if (next.done === true) break;
      seen.push(next.value);
      await iterator.return?.();
    }
    const whole = await all(container);
    for (const name of ['stdout', 'stderr']) expect(text(seen, name)).toBe(text(whole, name));
  });

  it('stamps lines, not the parts of a long one', async () => {
    const container = await pod.sh('main', `echo short; head -c 40000 /dev/zero | tr '\\0' a; echo; printf end`);
    const stamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z /;
    const lines = text(await all(container, { timestamps: true })).split('\n');
    expect(lines.map((line) => line.replace(stamp, '<stamp>'))).toEqual([
      '<stamp>short',
      `<stamp>${'a'.repeat(40_000)}`,
      '<stamp>end',
    ]);
    const whole = await all(container, { timestamps: true });
    for (const [index, { cursor }] of whole.entries()) {
      const rest = await all(container, { timestamps: true, cursor });
      expect(text([...whole.slice(0, index + 1), ...rest])).toBe(text(whole));
    }
  });

  it('gives one line of 10 MB byte for byte, in chunks', async () => {
    const size = 10 << 20;
    // The container says itself what it wrote.
    const random = `head -c ${size / 2} /dev/urandom | od -An -v -tx1 | tr -d ' \\n' > /line`;
    const container = await pod.sh('main', `${random}; cat /line; echo; sha256sum /line >&2`);
    const chunks = await all(container, { stream: 'stdout' });
    const whole = Buffer.concat(chunks.map(({ data }) => data));
    expect(whole.length).toBe(size + 1);
    expect(whole.indexOf(0x0a)).toBe(size);
    const sum = createHash('sha256').update(whole.subarray(0, size)).digest('hex');
    expect(text(await all(container, { stream: 'stderr' }))).toContain(sum);
    const middle = chunks[Math.floor(chunks.length / 2)];
    const given = chunks.slice(0, Math.floor(chunks.length / 2) + 1);
    const rest = await all(container, { stream: 'stdout', cursor: middle?.cursor ?? Buffer.alloc(0) });
    expect(Buffer.concat([...given, ...rest].map(({ data }) => data)).equals(whole)).toBe(true);
  });

  it('gives 100 MB of lines without a loss, reading no faster than it is asked', async () => {
    const container = await pod.sh(
      'main',
      `yes 'a line of the log that is about as long as many lines are' | head -c 100000000`,
    );
    const hash = createHash('sha256');
    let size = 0;
    for await (const { data } of read(container)) {
      hash.update(data);
      size += data.length;
    }
    expect(size).toBe(100_000_000);
    const line = 'a line of the log that is about as long as many lines are\n';
    const expected = line.repeat(Math.ceil(size / line.length)).slice(0, size);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(expected).digest('hex'));
    const iterator = read(container)[Symbol.asyncIterator]();
    await iterator.next();
    const before = process.memoryUsage().rss;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(process.memoryUsage().rss - before).toBeLessThan(30_000_000);
    await iterator.return?.();
  });

  it('gives what docker keeps of bytes that are not UTF-8', async () => {
    const container = await pod.sh('main', `printf 'a\\377\\376b\\n'; printf '\\303\\244\\n'`);
    expect(text(await all(container))).toBe('a\ufffd\ufffdb\nä\n');
  });

  it('gives nothing of a container that wrote nothing', async () => {
    expect(await all(await pod.sh('main', 'true'))).toEqual([]);
    expect(await all(await pod.sh('again', 'true'), { follow: true })).toEqual([]);
  });

  it.each([
    ['lines', `echo one; echo two >&2; printf three`, 'one\r\ntwo\r\nthree'],
    ['a long line', `head -c 50000 /dev/zero | tr '\\0' a; echo; echo after`, `${'a'.repeat(50_000)}\r\nafter\r\n`],
    ['a line of exactly a part', `head -c 32768 /dev/zero | tr '\\0' a; echo`, `${'a'.repeat(32_768)}\r\n`],
    ['no newline at all', `head -c 40000 /dev/zero | tr '\\0' a`, 'a'.repeat(40_000)],
  ])('gives %s of a TTY as stdout', async (_name, script, expected) => {
    const container = await pod.sh('main', script, { Tty: true });
    const whole = await all(container);
    expect(text(whole)).toBe(expected);
    expect(new Set(whole.map(({ stream }) => stream))).toEqual(new Set(['stdout']));
    expect(await all(container, { stream: 'stderr' })).toEqual([]);
    for (const [index, { cursor }] of whole.entries()) {
      expect(text([...whole.slice(0, index + 1), ...(await all(container, { cursor }))])).toBe(expected);
    }
    expect(text(await all(container, { tailLines: 1 }))).toBe(
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
    const container = await pod.sh('main', mixed);
    const wanted = { tailLines, ...(stream !== undefined && { stream }) };
    const chunks = await all(container, wanted);
    expect(text(chunks)).toBe(expected);
    for (const [index, { cursor }] of chunks.entries()) {
      const rest = await all(container, { cursor, ...(stream !== undefined && { stream }) });
      expect(text([...chunks.slice(0, index + 1), ...rest])).toBe(expected);
    }
  });

  it('gives what was written at or after a time', async () => {
    const container = await pod.sh('main', 'echo before; sleep 0.2; echo after');
    const [, after] = await all(container, { timestamps: true }).then((chunks) => text(chunks).split('\n'));
    const since = new Date(after?.slice(0, 24) ?? '');
    since.setMilliseconds(since.getMilliseconds() - 100);
    expect(text(await all(container, { since }))).toBe('after\n');
    expect(text(await all(container, { since, tailLines: 10 }))).toBe('after\n');
    expect(await all(container, { since: new Date(Date.now() + 60_000) })).toEqual([]);
  });

  it('follows to the end of the container, whatever its children hold open', async () => {
    const container = await pod.run('main', ['/bin/sh', '-c', 'echo one; (sleep 600 &) ; sleep 0.5; echo two; exit 3']);
    expect(text(await all(container, { follow: true }))).toBe('one\ntwo\n');
  });

  it('follows to the last line, however suddenly it comes', async () => {
    const script = `echo start; sleep 0.3; i=0; while [ $i -lt 500 ]; do echo "line $i"; i=$((i+1)); done`;
    const expected = `start\n${Array.from({ length: 500 }, (_, i) => `line ${i}\n`).join('')}`;
    const containers = await Promise.all(Array.from({ length: 12 }, () => pod.run('main', ['/bin/sh', '-c', script])));
    const followed = await Promise.all(containers.map((container) => all(container, { follow: true })));
    for (const chunks of followed) expect(text(chunks)).toBe(expected);
  });

  it('follows from nothing with tail 0', async () => {
    const script = 'echo old; while :; do echo new; sleep 0.1; done';
    const container = await pod.run('main', ['/bin/sh', '-c', script]);
    while (!text(await all(container)).includes('new')) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await all(container, { tailLines: 0, since: new Date(Date.now() + 60_000) })).toEqual([]);
    const iterator = read(container, { follow: true, tailLines: 0 })[Symbol.asyncIterator]();
    expect((await iterator.next()).value.data.toString()).toBe('new\n');
    await iterator.return?.();
    const last = read(container, { follow: true, tailLines: 1 })[Symbol.asyncIterator]();
    expect((await last.next()).value.data.toString()).toBe('new\n');
    await last.return?.();
  });

  it('ends when it is told to, and leaves no connection', async () => {
    const container = await pod.run('main', ['/bin/sh', '-c', 'echo one; sleep 600']);
    const stop = new AbortController();
    const iterator = read(container, { follow: true }, stop.signal)[Symbol.asyncIterator]();
    expect((await iterator.next()).value.data.toString()).toBe('one\n');
    const next = iterator.next();
    stop.abort();
    await expect(next).rejects.toMatchObject({ name: 'AbortError' });
  });

  it.each([['none', 'LOGS_UNAVAILABLE', { HostConfig: { LogConfig: { Type: 'none', Config: {} } } }]])(
    'refuses the log driver %s',
    async (_driver, reason, options) => {
      const container = await pod.sh('main', 'echo x', options);
      await expect(all(container)).rejects.toMatchObject({ reason });
    },
  );

  it('reads the log driver local as well', async () => {
    const container = await pod.sh('main', mixed, { HostConfig: { LogConfig: { Type: 'local', Config: {} } } });
    const whole = await all(container);
    expect(text(whole, 'stderr')).toContain('b'.repeat(20_000));
    for (const [index, { cursor }] of whole.entries()) {
      const both = [...whole.slice(0, index + 1), ...(await all(container, { cursor }))];
      expect(text(both, 'stdout')).toBe(text(whole, 'stdout'));
    }
  });

  it('refuses what has no log', async () => {
    const created = await pod.create('main', ['true']);
    await expect(all(created)).rejects.toMatchObject({ reason: 'CONTAINER_NOT_STARTED' });
    const removed = await pod.sh('removed', 'echo x');
    await removed.remove();
    await expect(all(removed)).rejects.toMatchObject({ reason: 'LOGS_UNAVAILABLE' });
  });

  it('says that the end may be missing where the container is removed while it is followed', async () => {
    const container = await pod.run('main', ['/bin/sh', '-c', 'echo one; sleep 600']);
    const iterator = read(container, { follow: true })[Symbol.asyncIterator]();
    await iterator.next();
    const lost = expect(iterator.next()).rejects.toMatchObject({ reason: 'LOG_LOST' });
    await container.remove({ force: true });
    await lost;
  });

  it('refuses cursors that are none', async () => {
    const container = await pod.sh('main', 'echo x');
    const other = await pod.sh('other', 'echo x');
    const [chunk] = await all(container);
    const cursor = chunk?.cursor ?? Buffer.alloc(0);
    const broken = Buffer.from(cursor).fill(0xff, 10);
    for (const wrong of [Buffer.from('x'), Buffer.alloc(256), broken, cursor.subarray(1)]) {
      await expect(all(container, { cursor: wrong })).rejects.toMatchObject({ reason: 'INVALID_CURSOR' });
    }
    await expect(all(other, { cursor })).rejects.toMatchObject({ reason: 'INVALID_CURSOR' });
    expect(await all(container, { cursor })).toEqual([]);
  });

  it('says that a cursor was rotated away', async () => {
    const container = await pod.sh('main', `echo first; sleep 0.1; yes 'much that comes later' | head -c 300000`, {
      HostConfig: { LogConfig: { Type: 'json-file', Config: { 'max-size': '100k', 'max-file': '2' } } },
    });
    const old = await pod.run(
      'old',
      ['/bin/sh', '-c', `echo first; sleep 2; yes 'much that comes later' | head -c 300000`],
      {
        HostConfig: { LogConfig: { Type: 'json-file', Config: { 'max-size': '100k', 'max-file': '2' } } },
      },
    );
    const iterator = read(old, { follow: true })[Symbol.asyncIterator]();
    const { value } = await iterator.next();
    await iterator.return?.();
    expect(value.data.toString()).toBe('first\n');
    await old.wait();
    await expect(all(old, { cursor: value.cursor })).rejects.toMatchObject({ reason: 'LOG_LOST' });
    expect(text(await all(container)).length).toBeLessThan(300_000);
  });
});
