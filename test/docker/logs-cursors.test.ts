import { describe, expect, it } from 'vitest';
import type { LogChunk } from '../../src/agent/executors/roles.ts';
import { EngineLogs, mixed, text } from './engine-logs.ts';

describe('the docker executor resumes logs', () => {
  const on = new EngineLogs();

  it.each([undefined, 'stdout', 'stderr'] as const)(
    'resumes at every cursor of %s to the same whole',
    async (stream) => {
      const container = await on.pod.sh('main', mixed);
      const wanted = stream === undefined ? {} : { stream };
      const whole = await on.all(container, wanted);
      for (const [index, { cursor }] of whole.entries()) {
        const rest = await on.all(container, { ...wanted, cursor });
        const given = whole.slice(0, index + 1);
        for (const name of ['stdout', 'stderr']) {
          expect(`${text(given, name)}${text(rest, name)}`, `${name} after chunk ${index}`).toBe(text(whole, name));
        }
      }
    },
  );

  it('resumes in a followed log, each time after one chunk', async () => {
    const container = await on.pod.run('main', ['/bin/sh', '-c', mixed]);
    const seen: LogChunk[] = [];
    for (;;) {
      const cursor = seen.at(-1)?.cursor;
      const iterator = on
        .read(container, { follow: true, ...(cursor !== undefined && { cursor }) })
        [Symbol.asyncIterator]();
      const next = await iterator.next();
      if (next.done === true) break;
      seen.push(next.value);
      await iterator.return?.();
    }
    const whole = await on.all(container);
    for (const name of ['stdout', 'stderr']) expect(text(seen, name)).toBe(text(whole, name));
  });

  it('reads the log driver local as well', async () => {
    const container = await on.pod.sh('main', mixed, { HostConfig: { LogConfig: { Type: 'local', Config: {} } } });
    const whole = await on.all(container);
    expect(text(whole, 'stderr')).toContain('b'.repeat(20_000));
    for (const [index, { cursor }] of whole.entries()) {
      const both = [...whole.slice(0, index + 1), ...(await on.all(container, { cursor }))];
      expect(text(both, 'stdout')).toBe(text(whole, 'stdout'));
    }
  });

  it('refuses cursors that are none', async () => {
    const container = await on.pod.sh('main', 'echo x');
    const other = await on.pod.sh('other', 'echo x');
    const [chunk] = await on.all(container);
    const cursor = chunk?.cursor ?? Buffer.alloc(0);
    const broken = Buffer.from(cursor).fill(0xff, 10);
    for (const wrong of [Buffer.from('x'), Buffer.alloc(256), broken, cursor.subarray(1)]) {
      await expect(on.all(container, { cursor: wrong })).rejects.toMatchObject({ reason: 'INVALID_CURSOR' });
    }
    await expect(on.all(other, { cursor })).rejects.toMatchObject({ reason: 'INVALID_CURSOR' });
    expect(await on.all(container, { cursor })).toEqual([]);
  });

  it('says that a cursor was rotated away', async () => {
    const container = await on.pod.sh('main', `echo first; sleep 0.1; yes 'much that comes later' | head -c 300000`, {
      HostConfig: { LogConfig: { Type: 'json-file', Config: { 'max-size': '100k', 'max-file': '2' } } },
    });
    const old = await on.pod.run(
      'old',
      ['/bin/sh', '-c', `echo first; sleep 2; yes 'much that comes later' | head -c 300000`],
      {
        HostConfig: { LogConfig: { Type: 'json-file', Config: { 'max-size': '100k', 'max-file': '2' } } },
      },
    );
    const iterator = on.read(old, { follow: true })[Symbol.asyncIterator]();
    const { value } = await iterator.next();
    await iterator.return?.();
    expect(value.data.toString()).toBe('first\n');
    await old.wait();
    await expect(on.all(old, { cursor: value.cursor })).rejects.toMatchObject({ reason: 'LOG_LOST' });
    expect(text(await on.all(container)).length).toBeLessThan(300_000);
  });
});
