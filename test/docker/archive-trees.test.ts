import { execFileSync } from 'node:child_process';
import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SaveFunctions } from '../../src/agent/executors/docker/archive/archive-source.ts';
import { ReaderPool } from '../../src/agent/files/reader/pool.ts';
import { extractTo, writeStream } from '../../src/agent/files/save.ts';
import { parseMountInfo } from '../../src/agent/linux/mountinfo.ts';
import { allowed, bytes, EndedFiles, limits, makeTree, never } from './ended-files.ts';

describe('trees of ended containers that nobody held', () => {
  const on = new EndedFiles();

  it('gives a tree as a tar of its own', async () => {
    const container = await on.pod.sh(
      'main',
      `${makeTree}; rm sparse; printf a > /w/big; head -c 300000 /dev/urandom >> /w/big; sha256sum /w/big`,
    );
    const { archive, summary, body } = await on.tar(await on.open(container), '/w');
    expect(body.facts.type).toBe('directory');
    expect(archive.length % 512).toBe(0);
    const place = on.extract(archive);
    expect(readdirSync(place)).toEqual(['w']);
    const top = join(place, 'w');
    const names = readdirSync(top, { encoding: 'buffer' }).map((name) => name.toString('latin1'));
    expect(names).toEqual(
      expect.arrayContaining(['bad\xff\xfe', 'new\nline', 'n'.repeat(255), 'empty', 'l45', 'loop1']),
    );
    for (const absent of ['fifo', 'device']) expect(names).not.toContain(absent);
    expect(lstatSync(join(top, 'file'))).toMatchObject({ mode: 0o100640, uid: 1234, gid: 2345, nlink: 2 });
    expect(readlinkSync(join(top, 'absolute'))).toBe('/etc/passwd');
    expect(readlinkSync(join(top, 'to-bad'), { encoding: 'buffer' })).toEqual(bytes('bad\xff\xfe'));
    expect(readFileSync(join(top, 'sub/deeper/inner'), 'utf8')).toBe('inner\n');
    expect(lstatSync(join(top, 'big')).size).toBe(300_001);
    expect(summary).toMatchObject({ skipped: { fifos: 1, devices: 1, sockets: 0, mounts: 0, vanished: 0 } });
    expect(summary.contentBytes).toBe(6 + 1 + 1 + 1 + 6 + 300_001);
    expect(execFileSync('tar', ['--list'], { input: archive }).toString().trim().split('\n')).toHaveLength(
      summary.entries,
    );
  });

  it('gives one file, what a link leads to, and the root as a tar', async () => {
    const source = await on.open(await on.pod.sh('main', makeTree));
    expect(execFileSync('tar', ['--list'], { input: (await on.tar(source, '/w/link')).archive }).toString()).toBe(
      'link\n',
    );
    expect(readFileSync(join(on.extract((await on.tar(source, '/w/dir2')).archive), 'dir2/inner'), 'utf8')).toBe(
      'inner\n',
    );
    const other = await on.pod.sh('other', 'echo x > /x; ln /x /y');
    const place = on.extract((await on.tar(await on.open(other), '/')).archive);
    expect(readFileSync(join(place, 'y'), 'utf8')).toBe('x\n');
    expect(readdirSync(place)).toEqual(expect.arrayContaining(['bin', 'etc', 'x', 'y']));
  });

  it('keeps to its limits', async () => {
    const source = await on.open(
      await on.pod.sh(
        'main',
        `mkdir /many; cd /many; i=0; while [ $i -lt 3000 ]; do : > f$i; i=$((i+1)); done
        mkdir /deep; cd /deep; i=0; while [ $i -lt 200 ]; do mkdir d; cd d; i=$((i+1)); done
        mkdir /big; cd /big; for i in 1 2 3; do head -c 1000000 /dev/zero > $i; done`,
      ),
    );
    await expect(on.tar(source, '/many', { maxEntries: 1000 })).rejects.toMatchObject({ reason: 'TOO_MANY_ENTRIES' });
    expect((await on.tar(source, '/many')).summary.entries).toBe(3001);
    await expect(on.tar(source, '/deep')).rejects.toMatchObject({ reason: 'TREE_TOO_DEEP' });
    expect((await on.tar(source, '/deep', { maxDepth: 200 })).summary.entries).toBe(201);
    await expect(on.tar(source, '/big', { maxTreeBytes: 2_500_000 })).rejects.toMatchObject({
      reason: 'TREE_TOO_LARGE',
    });
    await expect(on.tar(source, '/big', { maxFileBytes: 999_999 })).rejects.toMatchObject({ reason: 'FILE_TOO_LARGE' });
  });

  it('is saved into a volume of the caller', async () => {
    const volume = join(on.kubeletDirectory, 'pods', on.pod.uid, 'volumes/kubernetes.io~empty-dir/out');
    mkdirSync(volume, { recursive: true });
    const mount = { Type: 'bind' as const, Source: volume, Target: '/out' };
    const caller = await on.pod.run('caller', ['sleep', '600'], { HostConfig: { Mounts: [mount] } });
    const { Pid } = (await caller.inspect()).State;
    const rootFd = openSync(`/proc/${Pid}/root`, 0o10000000);
    const pool = new ReaderPool({ perPod: 2, perNode: 2 });
    try {
      const saving = {
        pool,
        podUid: on.pod.uid,
        node: {
          entries: parseMountInfo(readFileSync('/proc/1/mountinfo', 'latin1')),
          kubeletDirectory: on.kubeletDirectory,
        },
      };
      const save: SaveFunctions = {
        file: (to, chunks, signal) => writeStream(saving, to, chunks, signal),
        tree: async (to, tree, own, signal) => (await extractTo(saving, to, tree, own, signal)).size,
      };
      const root = {
        podUid: on.pod.uid,
        rootFd,
        mountInfo: readFileSync(`/proc/${Pid}/mountinfo`, 'latin1'),
        credentials: { uid: 0, gid: 0, groups: [], capabilities: 0x1fn },
      };
      const container = await on.pod.sh('main', `${makeTree}; rm sparse`);
      const source = await on.open(container, allowed, save);
      const to = (name: string) => ({ root, path: Buffer.from(name), overwrite: false, progress: () => {} });
      const file = await source.copyTo(bytes('/w/link'), to('/out/file'), limits, never);
      expect(file).toMatchObject({ size: 6, contentBytes: 6, entries: 1 });
      expect(readFileSync(join(volume, 'file'), 'utf8')).toBe('hello\n');
      const tree = await source.copyTo(bytes('/w'), to('/out/tree'), limits, never);
      expect(tree.skipped).toMatchObject({ fifos: 1, devices: 1 });
      expect(readFileSync(join(volume, 'tree/sub/deeper/inner'), 'utf8')).toBe('inner\n');
      expect(readlinkSync(join(volume, 'tree/absolute'))).toBe('/etc/passwd');
      await expect(source.copyTo(bytes('/w'), to('/out/tree'), limits, never)).rejects.toMatchObject({
        reason: 'DESTINATION_EXISTS',
      });
      await expect(source.copyTo(bytes('/w/none'), to('/out/none'), limits, never)).rejects.toMatchObject({
        reason: 'FILE_NOT_FOUND',
      });
      await expect(
        source.copyTo(bytes('/w'), to('/out/small'), { ...limits, maxEntries: 3 }, never),
      ).rejects.toMatchObject({ reason: 'TOO_MANY_ENTRIES' });
      expect(readdirSync(volume).sort()).toEqual(['file', 'tree']);
    } finally {
      closeSync(rootFd);
      await pool.close();
    }
  });
});
