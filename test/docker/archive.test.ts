import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { becomes } from '../node/processes.ts';
import { bytes, EndedFiles, limits, makeTree, never } from './ended-files.ts';

describe('files of ended containers that nobody held', () => {
  const on = new EndedFiles();

  it.each([
    ['/w/file', 'hello\n'],
    ['/w/nothing', ''],
    ['/w/hard', 'hello\n'],
    ['/w/link', 'hello\n'],
    ['/w/l39', 'hello\n'],
    ['/w/dir/deeper/inner', 'inner\n'],
    ['/w/dir2/inner', 'inner\n'],
    ['/w/new\nline', 'x'],
    [`/w/${'n'.repeat(255)}`, 'z'],
  ])('reads %j', async (path, content) => {
    expect((await on.read(await on.open(await on.pod.sh('main', makeTree)), bytes(path))).data).toBe(content);
  });

  it('tells what a file is', async () => {
    const { facts } = await on.read(await on.open(await on.pod.sh('main', makeTree)), '/w/file');
    expect(facts).toMatchObject({ type: 'file', size: 6, mode: 0o640, uid: 1234, gid: 2345 });
    expect(Math.abs(Date.now() - facts.modifiedAt.getTime())).toBeLessThan(600_000);
  });

  it('refuses what is no regular file of the container', async () => {
    const container = await on.pod.sh('main', makeTree);
    const source = await on.open(container);
    const own = readFileSync('/etc/passwd', 'utf8');
    for (const path of ['/w/absolute', '/w/upwards']) expect((await on.read(source, path)).data).not.toBe(own);
    for (const [path, reason] of Object.entries({
      '/w/none': 'FILE_NOT_FOUND',
      '/w/none/below': 'FILE_NOT_FOUND',
      '/w/file/below': 'FILE_NOT_FOUND',
      '/w/dangling': 'FILE_NOT_FOUND',
      '/links/through-file': 'FILE_NOT_FOUND',
      '/proc/1/environ': 'FILE_NOT_FOUND',
      '/w/loop1': 'SYMLINK_LOOP',
      '/w/loop1/x': 'SYMLINK_LOOP',
      '/w/self': 'SYMLINK_LOOP',
      '/w/l40': 'SYMLINK_LOOP',
      '/w/fifo': 'NOT_A_REGULAR_FILE',
      '/w/device': 'NOT_A_REGULAR_FILE',
      '/w/sub': 'NOT_A_REGULAR_FILE',
      '/w/dir': 'NOT_A_REGULAR_FILE',
      '/': 'NOT_A_REGULAR_FILE',
      '/w/sparse': 'FILE_TOO_LARGE',
      '/w/bad\xff\xfe': 'INVALID_PATH',
      '/links/to-bad': 'INVALID_PATH',
    })) {
      await expect(on.read(source, bytes(path)), path).rejects.toMatchObject({ reason });
    }
    await expect(on.read(source, '/w/file', { maxFileBytes: 5 })).rejects.toMatchObject({ reason: 'FILE_TOO_LARGE' });
    for (const [path, reason] of [
      ['/w/fifo', 'NOT_A_FILE_OR_DIRECTORY'],
      ['/w/device', 'NOT_A_FILE_OR_DIRECTORY'],
      ['/w/none', 'FILE_NOT_FOUND'],
      ['/w', 'FILE_TOO_LARGE'],
    ] as const) {
      await expect(on.tar(source, path), path).rejects.toMatchObject({ reason });
    }
  });

  it('reads no container that runs, could run again, has not started or is gone', async () => {
    const running = await on.pod.run('running', ['sleep', '600']);
    await expect(on.open(running)).rejects.toMatchObject({ reason: 'CONTAINER_NOT_SEEN' });
    const restarting = await on.pod.sh('restarting', 'exit 0', {
      HostConfig: { RestartPolicy: { Name: 'on-failure' } },
    });
    await expect(on.open(restarting)).rejects.toMatchObject({ reason: 'CONTAINER_NOT_SEEN' });
    const created = await on.pod.create('created', ['true']);
    await expect(on.open(created)).rejects.toMatchObject({ reason: 'CONTAINER_NOT_STARTED' });
    const removed = await on.pod.sh('removed', 'true');
    const source = await on.open(removed);
    await removed.remove();
    await expect(on.open(removed)).rejects.toMatchObject({ reason: 'CONTAINER_NOT_SEEN' });
    await expect(on.read(source, '/etc/passwd')).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' });
  });

  it('ends when it is told to, or left', async () => {
    const source = await on.open(await on.pod.sh('main', 'head -c 50000000 /dev/zero > /big'));
    const stop = new AbortController();
    const body = await source.readFile(Buffer.from('/big'), limits, stop.signal);
    const iterator = body.chunks[Symbol.asyncIterator]();
    await iterator.next();
    stop.abort();
    await expect(
      (async () => {
        for (;;) if ((await iterator.next()).done === true) return;
      })(),
    ).rejects.toMatchObject({ name: 'AbortError' });
    const left = (await source.readTar(Buffer.from('/big'), limits, never)).chunks[Symbol.asyncIterator]();
    await left.next();
    await left.return?.();
    // Of bodies that nobody begins to read, too, nothing stays open.
    for (let count = 0; count < 20; count++) {
      const body = await source.readFile(Buffer.from('/big'), limits, never);
      await body.chunks[Symbol.asyncIterator]().return?.();
    }
    const connections = () =>
      execFileSync('ss', ['-xHp'])
        .toString()
        .split('\n')
        .filter((line) => line.includes(`pid=${process.pid},`)).length;
    expect(await becomes(async () => connections() < 10, 10_000)).toBe(true);
  });
});
