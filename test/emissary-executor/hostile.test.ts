import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attackOn } from '../attacks/attack.ts';
import { collect, logsOf, of, openSubject, readFile, type Subject } from '../conformance/subject.ts';
import { failure, unary } from '../rpc/agent-under-test.ts';
import { emissaryOnDocker, SupervisedPod } from './supervised-pod.ts';

const attack = attackOn('emissary');

const sleeps = ['/bin/sleep', '600'];

/** What the pod's own root may leave in its shared volume; the agent reads and writes there. */
describe('a hostile shared volume', () => {
  let subject: Subject;
  let outside: string;
  beforeAll(async () => {
    subject = await openSubject(emissaryOnDocker());
    outside = mkdtempSync(join(tmpdir(), 'podhand-outside-'));
    writeFileSync(join(outside, 'exitcode'), '0');
    writeFileSync(join(outside, 'secret'), 'secret\n');
  }, 600_000);
  afterAll(async () => {
    rmSync(outside, { recursive: true, force: true });
    await subject?.close();
  });

  const states = async (own: SupervisedPod) =>
    Object.fromEntries(
      (await unary(subject.client, 'listContainers', {}, of(own.pod))).containers.map(({ name, state }) => [
        name,
        state,
      ]),
    );
  const put = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  };

  test('nothing but a whole exit code in a regular file is an end', async () => {
    const own = await SupervisedPod.make(subject);
    const leave: Record<string, (exitcode: string) => void> = {
      fifo: (path) => void execFileSync('mkfifo', [path]),
      device: (path) => void execFileSync('mknod', [path, 'c', '1', '5']),
      link: (path) => symlinkSync(join(outside, 'exitcode'), path),
      directory: (path) => mkdirSync(path),
      huge: (path) => {
        writeFileSync(path, '0');
        truncateSync(path, 2 ** 40);
      },
      words: (path) => writeFileSync(path, 'zero'),
      large: (path) => writeFileSync(path, '256'),
      negative: (path) => writeFileSync(path, '-1'),
    };
    for (const name of [...Object.keys(leave), 'linked', 'honest']) await own.run(name, sleeps);
    mkdirSync(own.at('ctr'), { recursive: true });
    symlinkSync(outside, own.at('ctr/linked'));
    for (const [name, make] of Object.entries(leave)) {
      mkdirSync(own.at(`ctr/${name}`), { recursive: true });
      make(own.at(`ctr/${name}/exitcode`));
    }
    put(own.at('ctr/honest/exitcode'), '5');
    // Whoever sees this one has looked at all of them.
    await expect.poll(async () => (await states(own)).honest, { timeout: 20_000 }).toBe('CONTAINER_STATE_EXITED');
    const { honest: _, ...others } = await states(own);
    expect(new Set(Object.values(others))).toEqual(new Set(['CONTAINER_STATE_RUNNING']));
  });

  test('a record that is none, or disagrees, leaves the exit code alone', async () => {
    const own = await SupervisedPod.make(subject);
    const records: Record<string, string> = {
      garbage: '{',
      other: JSON.stringify({ exitCode: 9, source: 'emissary', reason: 'INTERNAL', message: 'no' }),
      long: JSON.stringify({ exitCode: 5, message: 'x'.repeat(100_000) }),
    };
    for (const name of Object.keys(records)) await own.run(name, sleeps);
    for (const [name, record] of Object.entries(records)) {
      put(own.at(`ctr/${name}/record`), record);
      put(own.at(`ctr/${name}/exitcode`), '5');
    }
    for (const name of Object.keys(records)) {
      await expect.poll(async () => (await states(own))[name], { timeout: 20_000 }).toBe('CONTAINER_STATE_EXITED');
    }
    const { containers } = await unary(subject.client, 'listContainers', {}, of(own.pod));
    expect(containers.map(({ finalRecord, reason }) => [finalRecord?.exitCode, finalRecord?.message, reason])).toEqual(
      Object.keys(records).map(() => [5, '', 'Error']),
    );
  });

  attack(52, 'output is read from regular files of the volume only; else the runtime’s log is', async () => {
    const own = await SupervisedPod.make(subject);
    const says = ['/bin/sh', '-c', 'echo said; exec sleep 600'];
    for (const name of ['link', 'fifo', 'through']) await own.run(name, says);
    mkdirSync(own.at('ctr/link'), { recursive: true });
    symlinkSync(join(outside, 'secret'), own.at('ctr/link/combined'));
    mkdirSync(own.at('ctr/fifo'));
    execFileSync('mkfifo', [own.at('ctr/fifo/combined')]);
    symlinkSync(outside, own.at('ctr/through'));
    writeFileSync(join(outside, 'combined'), 'secret\n');
    for (const container of ['link', 'fifo', 'through']) {
      const read = async () => (await logsOf(subject, own.pod, { container })).both.toString();
      await expect.poll(read, { timeout: 20_000 }).toBe('said\n');
    }
  });

  test('output that shrinks under a reader is LOG_LOST, and a cursor of another stream is none', async () => {
    const own = await SupervisedPod.make(subject);
    await own.run('main', sleeps);
    put(own.at('ctr/main/combined'), 'one\ntwo\n');
    put(own.at('ctr/main/stderr'), 'three\n');
    const { both, cursors } = await logsOf(subject, own.pod, { container: 'main' });
    expect(both.toString()).toBe('one\ntwo\n');
    const cursor = cursors.at(-1) ?? Buffer.alloc(0);
    const again = (request: object) =>
      failure(subject.client.streamLogs({ container: 'main', cursor, ...request }, of(own.pod)));
    expect(await again({ stream: 'LOG_STREAM_STDERR' })).toBe('3 INVALID_CURSOR');
    truncateSync(own.at('ctr/main/combined'), 2);
    expect(await again({})).toBe('15 LOG_LOST');
  });

  test('a signal is written nowhere but into the volume', async () => {
    const own = await SupervisedPod.make(subject);
    await own.run('main', sleeps);
    const elsewhere = join(outside, 'elsewhere');
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, own.at('ctr'));
    const kill = unary(subject.client, 'kill', { containers: ['main'], once: true }, of(own.pod));
    expect(await failure(kill)).toBe('9 NOT_SUPERVISED');
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  const tar = async (name: string) => {
    const archive = pack();
    archive.entry({ name }, 'content');
    archive.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of archive) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  };

  test('saved outputs: what leads out, or is no such archive, is refused', async () => {
    const own = await SupervisedPod.make(subject);
    await own.run('main', sleeps);
    put(own.at('outputs/parameters/tmp/good'), 'value');
    symlinkSync(join(outside, 'secret'), own.at('outputs/parameters/tmp/absolute'));
    symlinkSync('../../../template', own.at('outputs/parameters/tmp/climbing'));
    execFileSync('mkfifo', [own.at('outputs/parameters/tmp/fifo')]);
    put(own.at('outputs/artifacts/tmp/garbage.tgz'), 'no gzip');
    put(own.at('outputs/artifacts/tmp/escape.tgz'), gzipSync(await tar('../escape')));
    put(own.at('outputs/artifacts/tmp/short.tgz'), gzipSync((await tar('short')).subarray(0, 512)));
    put(own.at('outputs/artifacts/tmp/bomb.tgz'), gzipSync(Buffer.alloc(64 * 2 ** 20)));
    symlinkSync(join(outside, 'secret'), own.at('outputs/artifacts/tmp/link.tgz'));
    const read = (path: string) => readFile(subject, own.pod, 'main', path);
    await expect.poll(async () => (await read('/tmp/good')).toString(), { timeout: 20_000 }).toBe('value');
    expect(await failure(read('/tmp/absolute'))).toBe('9 LINK_LEAVES_VOLUME');
    expect(await failure(read('/tmp/climbing'))).toBe('9 LINK_LEAVES_VOLUME');
    expect(await failure(read('/tmp/fifo'))).toBe('9 NOT_A_REGULAR_FILE');
    expect(await failure(read('/tmp/link'))).toBe('12 BASE_LAYER_NOT_OFFERED');
    expect(await failure(read('/tmp/nothing'))).toBe('12 BASE_LAYER_NOT_OFFERED');
    for (const name of ['garbage', 'escape', 'short', 'bomb']) {
      const taken = collect(subject, own.pod, 'main', `/tmp/${name}`, 'ARCHIVE_FORMAT_TAR');
      expect(`${name}: ${await failure(taken)}`).toBe(`${name}: 15 FILE_CHANGED`);
    }
  });
});
