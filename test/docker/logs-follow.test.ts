import { describe, expect, it } from 'vitest';
import { EngineLogs, text } from './engine-logs.ts';

describe('the docker executor follows logs', () => {
  const on = new EngineLogs();

  it('follows to the end of the container, whatever its children hold open', async () => {
    const container = await on.pod.run('main', [
      '/bin/sh',
      '-c',
      'echo one; (sleep 600 &) ; sleep 0.5; echo two; exit 3',
    ]);
    expect(text(await on.all(container, { follow: true }))).toBe('one\ntwo\n');
  });

  it('follows to the last line, however suddenly it comes', async () => {
    const script = `echo start; sleep 0.3; i=0; while [ $i -lt 500 ]; do echo "line $i"; i=$((i+1)); done`;
    const expected = `start\n${Array.from({ length: 500 }, (_, i) => `line ${i}\n`).join('')}`;
    const containers = await Promise.all(
      Array.from({ length: 12 }, () => on.pod.run('main', ['/bin/sh', '-c', script])),
    );
    const followed = await Promise.all(containers.map((container) => on.all(container, { follow: true })));
    for (const chunks of followed) expect(text(chunks)).toBe(expected);
  });

  it('follows from nothing with tail 0', async () => {
    const script = 'echo old; while :; do echo new; sleep 0.1; done';
    const container = await on.pod.run('main', ['/bin/sh', '-c', script]);
    while (!text(await on.all(container)).includes('new')) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await on.all(container, { tailLines: 0, since: new Date(Date.now() + 60_000) })).toEqual([]);
    // Of a busy machine several lines come at once.
    const iterator = on.read(container, { follow: true, tailLines: 0 })[Symbol.asyncIterator]();
    expect((await iterator.next()).value.data.toString()).toMatch(/^(new\n)+$/);
    await iterator.return?.();
    const last = on.read(container, { follow: true, tailLines: 1 })[Symbol.asyncIterator]();
    expect((await last.next()).value.data.toString()).toMatch(/^(new\n)+$/);
    await last.return?.();
  });

  it('ends when it is told to, and leaves no connection', async () => {
    const container = await on.pod.run('main', ['/bin/sh', '-c', 'echo one; sleep 600']);
    const stop = new AbortController();
    const iterator = on.read(container, { follow: true }, stop.signal)[Symbol.asyncIterator]();
    expect((await iterator.next()).value.data.toString()).toBe('one\n');
    const next = iterator.next();
    stop.abort();
    await expect(next).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('says that the end may be missing where the container is removed while it is followed', async () => {
    const container = await on.pod.run('main', ['/bin/sh', '-c', 'echo one; sleep 600']);
    const iterator = on.read(container, { follow: true })[Symbol.asyncIterator]();
    await iterator.next();
    const lost = expect(iterator.next()).rejects.toMatchObject({ reason: 'LOG_LOST' });
    await container.remove({ force: true });
    await lost;
  });
});
