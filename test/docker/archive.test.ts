import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SaveFunctions } from '../../src/agent/executors/docker/archive/archive-source.ts';
import { DockerFiles } from '../../src/agent/executors/docker/docker-files.ts';
import { Engine } from '../../src/agent/executors/docker/engine.ts';
import { ReaderPool } from '../../src/agent/files/reader/pool.ts';
import { extractTo, writeStream } from '../../src/agent/files/save.ts';
import type { FileSource, TreeLimits } from '../../src/agent/files/source.ts';
import type { MountKind } from '../../src/agent/linux/mount-kind.ts';
import { parseMountInfo } from '../../src/agent/linux/mountinfo.ts';
import { becomes } from '../node/processes.ts';
import { exclusiveEngine } from './exclusive-engine.ts';
import { containerOf, LabelledPod } from './test-pod.ts';

const never = new AbortController().signal;
const limits: TreeLimits = { maxFileBytes: 64 << 20, maxTreeBytes: 256 << 20, maxEntries: 50_000, maxDepth: 64 };
const allowed: readonly MountKind[] = ['rootfs', 'emptyDir', 'volume', 'tmpfs', 'runtimeFile'];
const bytes = (path: string) => Buffer.from(path, 'latin1');

/** Everything at once that can be asked for wrongly. */
const makeTree = `
  mkdir -p /w/sub/deeper /w/empty; cd /w
  echo hello > file; chmod 640 file; chown 1234:2345 file
  : > nothing
  ln file hard
  ln -s file link; ln -s /etc/passwd absolute; ln -s ../../../../../etc/passwd upwards
  ln -s loop2 loop1; ln -s loop1 loop2; ln -s self self; ln -s nowhere dangling
  mkdir /links; ln -s ../w/file/below /links/through-file; ln -s "$(printf '/w/bad\\377\\376')" /links/to-bad
  ln -s sub dir; ln -s /w/dir/deeper dir2
  mkfifo fifo; mknod device c 1 3
  printf x > "new
line"; printf y > "$(printf 'bad\\377\\376')"; printf z > "$(head -c 255 /dev/zero | tr '\\0' n)"
  ln -s "$(printf 'bad\\377\\376')" to-bad
  truncate -s 1099511627776 sparse
  i=0; ln -s file l0; while [ $i -lt 45 ]; do ln -s l$i l$((i+1)); i=$((i+1)); done
  echo inner > sub/deeper/inner; chmod 600 sub/deeper/inner`;

describe('files of ended containers that nobody held', () => {
  let node: Awaited<ReturnType<typeof exclusiveEngine>>;
  let engine: Engine;
  let pod: LabelledPod;
  let directory: string;

  beforeAll(async () => {
    node = await exclusiveEngine();
    engine = new Engine(node.socketPath);
  });
  afterAll(async () => {
    await engine.close();
    await node.close();
  });
  beforeEach(() => {
    pod = new LabelledPod(node.docker);
    directory = mkdtempSync(join(tmpdir(), 'pa-'));
  });
  afterEach(async () => {
    await pod.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  const kubeletDirectory = () => join(directory, 'k');
  const open = async ({ id }: Docker.Container, kinds = allowed, save: SaveFunctions = noSave): Promise<FileSource> => {
    const files = new DockerFiles({
      engine,
      held: undefined,
      allowed: kinds,
      kubeletDirectory: kubeletDirectory(),
      save,
    });
    return await files.open(containerOf(pod, id), never);
  };
  const read = async (source: FileSource, path: Buffer | string, own: Partial<TreeLimits> = {}) => {
    const body = await source.readFile(Buffer.from(path), { ...limits, ...own }, never);
    const parts: Buffer[] = [];
    for await (const chunk of body.chunks) parts.push(chunk);
    return { facts: body.facts, data: Buffer.concat(parts).toString('latin1') };
  };
  const tar = async (source: FileSource, path: Buffer | string, own: Partial<TreeLimits> = {}) => {
    const body = await source.readTar(Buffer.from(path), { ...limits, ...own }, never);
    const parts: Buffer[] = [];
    for await (const chunk of body.chunks) parts.push(chunk);
    return { body, archive: Buffer.concat(parts), summary: body.summary() };
  };
  /** What GNU tar makes of an archive. */
  const extract = (archive: Buffer): string => {
    const place = mkdtempSync(join(directory, 'extracted-'));
    execFileSync('tar', ['--extract', '--preserve-permissions', '--numeric-owner', '-C', place], { input: archive });
    return place;
  };

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
    expect((await read(await open(await pod.sh('main', makeTree)), bytes(path))).data).toBe(content);
  });

  it('tells what a file is', async () => {
    const { facts } = await read(await open(await pod.sh('main', makeTree)), '/w/file');
    expect(facts).toMatchObject({ type: 'file', size: 6, mode: 0o640, uid: 1234, gid: 2345 });
    expect(Math.abs(Date.now() - facts.modifiedAt.getTime())).toBeLessThan(600_000);
  });

  it('refuses what is no regular file of the container', async () => {
    const container = await pod.sh('main', makeTree);
    const source = await open(container);
    const own = readFileSync('/etc/passwd', 'utf8');
    for (const path of ['/w/absolute', '/w/upwards']) expect((await read(source, path)).data).not.toBe(own);
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
      await expect(read(source, bytes(path)), path).rejects.toMatchObject({ reason });
    }
    await expect(read(source, '/w/file', { maxFileBytes: 5 })).rejects.toMatchObject({ reason: 'FILE_TOO_LARGE' });
    for (const [path, reason] of [
      ['/w/fifo', 'NOT_A_FILE_OR_DIRECTORY'],
      ['/w/device', 'NOT_A_FILE_OR_DIRECTORY'],
      ['/w/none', 'FILE_NOT_FOUND'],
      ['/w', 'FILE_TOO_LARGE'],
    ] as const) {
      await expect(tar(source, path), path).rejects.toMatchObject({ reason });
    }
  });

  it('gives a tree as a tar of its own', async () => {
    const container = await pod.sh(
      'main',
      `${makeTree}; rm sparse; printf a > /w/big; head -c 300000 /dev/urandom >> /w/big; sha256sum /w/big`,
    );
    const { archive, summary, body } = await tar(await open(container), '/w');
    expect(body.facts.type).toBe('directory');
    expect(archive.length % 512).toBe(0);
    const place = extract(archive);
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
    const source = await open(await pod.sh('main', makeTree));
    expect(execFileSync('tar', ['--list'], { input: (await tar(source, '/w/link')).archive }).toString()).toBe(
      'link\n',
    );
    expect(readFileSync(join(extract((await tar(source, '/w/dir2')).archive), 'dir2/inner'), 'utf8')).toBe('inner\n');
    const other = await pod.sh('other', 'echo x > /x; ln /x /y');
    const place = extract((await tar(await open(other), '/')).archive);
    expect(readFileSync(join(place, 'y'), 'utf8')).toBe('x\n');
    expect(readdirSync(place)).toEqual(expect.arrayContaining(['bin', 'etc', 'x', 'y']));
  });

  it('keeps to its limits', async () => {
    const source = await open(
      await pod.sh(
        'main',
        `mkdir /many; cd /many; i=0; while [ $i -lt 3000 ]; do : > f$i; i=$((i+1)); done
        mkdir /deep; cd /deep; i=0; while [ $i -lt 200 ]; do mkdir d; cd d; i=$((i+1)); done
        mkdir /big; cd /big; for i in 1 2 3; do head -c 1000000 /dev/zero > $i; done`,
      ),
    );
    await expect(tar(source, '/many', { maxEntries: 1000 })).rejects.toMatchObject({ reason: 'TOO_MANY_ENTRIES' });
    expect((await tar(source, '/many')).summary.entries).toBe(3001);
    await expect(tar(source, '/deep')).rejects.toMatchObject({ reason: 'TREE_TOO_DEEP' });
    expect((await tar(source, '/deep', { maxDepth: 200 })).summary.entries).toBe(201);
    await expect(tar(source, '/big', { maxTreeBytes: 2_500_000 })).rejects.toMatchObject({ reason: 'TREE_TOO_LARGE' });
    await expect(tar(source, '/big', { maxFileBytes: 999_999 })).rejects.toMatchObject({ reason: 'FILE_TOO_LARGE' });
  });

  it('is saved into a volume of the caller', async () => {
    const volume = join(kubeletDirectory(), 'pods', pod.uid, 'volumes/kubernetes.io~empty-dir/out');
    mkdirSync(volume, { recursive: true });
    const mount = { Type: 'bind' as const, Source: volume, Target: '/out' };
    const caller = await pod.run('caller', ['sleep', '600'], { HostConfig: { Mounts: [mount] } });
    const { Pid } = (await caller.inspect()).State;
    const rootFd = openSync(`/proc/${Pid}/root`, 0o10000000);
    const pool = new ReaderPool({ perPod: 2, perNode: 2 });
    try {
      const saving = {
        pool,
        podUid: pod.uid,
        node: {
          entries: parseMountInfo(readFileSync('/proc/1/mountinfo', 'latin1')),
          kubeletDirectory: kubeletDirectory(),
        },
      };
      const save: SaveFunctions = {
        file: (to, chunks, signal) => writeStream(saving, to, chunks, signal),
        tree: async (to, tree, own, signal) => (await extractTo(saving, to, tree, own, signal)).size,
      };
      const root = {
        podUid: pod.uid,
        rootFd,
        mountInfo: readFileSync(`/proc/${Pid}/mountinfo`, 'latin1'),
        credentials: { uid: 0, gid: 0, groups: [], capabilities: 0x1fn },
      };
      const container = await pod.sh('main', `${makeTree}; rm sparse`);
      const source = await open(container, allowed, save);
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

  describe('and their mounts', () => {
    const volume = (plugin: string, name: string) => {
      const path = join(kubeletDirectory(), 'pods', pod.uid, 'volumes', `kubernetes.io~${plugin}`, name);
      mkdirSync(path, { recursive: true });
      return path;
    };
    const bind = (source: string, target: string) => ({ Type: 'bind' as const, Source: source, Target: target });
    const run = (mounts: Docker.MountConfig, script = 'true', options: Docker.ContainerCreateOptions = {}) =>
      pod.sh('main', script, { ...options, HostConfig: { Mounts: mounts, ...options.HostConfig } });

    it('reads volumes where nothing is refused', async () => {
      const empty = volume('empty-dir', 'w');
      writeFileSync(join(empty, 'result'), 'from the volume');
      const server = createServer().listen(join(empty, 's'));
      await once(server, 'listening');
      const named = { Type: 'volume' as const, Source: `podhand-test-${pod.uid}`, Target: '/named' };
      const container = await run([bind(empty, '/work'), named], 'echo x > /named/file; echo base > /base');
      const source = await open(container);
      expect((await read(source, '/work/result')).data).toBe('from the volume');
      expect((await read(source, '/named/file')).data).toBe('x\n');
      expect((await read(source, '/base')).data).toBe('base\n');
      expect((await read(source, '/etc/hosts')).data).toContain('localhost');
      await expect(read(source, '/work/s')).rejects.toMatchObject({ reason: 'NOT_A_REGULAR_FILE' });
      expect(readdirSync(join(extract((await tar(source, '/work')).archive), 'work'))).toEqual(['result']);
      server.close();
      await pod.remove();
      await node.docker.getVolume(named.Source).remove();
    });

    it.each([
      ['secret', 'kubernetes.io~secret'],
      ['projected', 'kubernetes.io~projected'],
      ['configmap', 'kubernetes.io~configmap'],
    ])('refuses a volume of kind %s', async (plugin) => {
      const secret = volume(plugin, 'token');
      writeFileSync(join(secret, 'value'), 'secret');
      const container = await run([bind(secret, '/w/token')], 'echo x > /w/file; ln -s /w/token/value /w/link');
      const source = await open(container);
      for (const path of ['/w/token/value', '/w/token', '/w/link']) {
        await expect(read(source, path), path).rejects.toMatchObject({ reason: 'MOUNT_REFUSED' });
      }
      const { archive, summary } = await tar(source, '/w');
      expect(archive.includes('secret')).toBe(false);
      expect(summary).toMatchObject({ entries: 3, skipped: { mounts: 1 } });
      expect((await read(source, '/w/file')).data).toBe('x\n');
    });

    it('knows a mount whose destination leads through a link of the image', async () => {
      const maker = await pod.sh('maker', 'mkdir -p /run/secrets; ln -s /run /var/run');
      const image = `podhand-test/linked:${pod.uid}`;
      await maker.commit({ repo: 'podhand-test/linked', tag: pod.uid });
      try {
        const secret = volume('secret', 'token');
        writeFileSync(join(secret, 'value'), 'secret');
        const source = await open(await run([bind(secret, '/var/run/secrets/sa')], 'true', { Image: image }));
        for (const path of ['/run/secrets/sa/value', '/var/run/secrets/sa/value']) {
          await expect(read(source, path), path).rejects.toMatchObject({ reason: 'MOUNT_REFUSED' });
        }
        expect((await tar(source, '/run')).archive.includes('secret\0')).toBe(false);
      } finally {
        await pod.remove();
        await node.docker.getImage(image).remove({ force: true });
      }
    });

    it('refuses directories of the node, also by way of a volume', async () => {
      mkdirSync(join(directory, 'host'));
      writeFileSync(join(directory, 'host/file'), 'of the host');
      const empty = volume('empty-dir', 'work');
      symlinkSync(join(directory, 'host'), join(empty, 'trap'));
      const source = await open(
        await run([bind(join(directory, 'host'), '/host'), bind(join(empty, 'trap'), '/trap')]),
      );
      for (const path of ['/host/file', '/trap/file']) {
        await expect(read(source, path), path).rejects.toMatchObject({ reason: 'MOUNT_REFUSED' });
      }
    });

    it("refuses another pod's volume", async () => {
      const other = join(kubeletDirectory(), 'pods', 'other', 'volumes/kubernetes.io~empty-dir/work');
      mkdirSync(other, { recursive: true });
      writeFileSync(join(other, 'file'), 'of the other');
      const source = await open(await run([bind(other, '/work')]));
      await expect(read(source, '/work/file')).rejects.toMatchObject({ reason: 'MOUNT_REFUSED' });
    });

    it('refuses volumes where a racing writer could lead the engine to what is refused', async () => {
      const empty = volume('empty-dir', 'work');
      writeFileSync(join(empty, 'result'), 'x');
      const source = await open(
        await run([bind(empty, '/work'), bind(volume('secret', 'token'), '/token')], 'echo b > /base'),
      );
      await expect(read(source, '/work/result')).rejects.toMatchObject({ reason: 'MOUNT_REFUSED' });
      expect((await read(source, '/base')).data).toBe('b\n');
      const nested = await pod.sh('nested', 'true', {
        HostConfig: { Mounts: [bind(empty, '/work'), bind(volume('secret', 'token'), '/work/token')] },
      });
      await expect(open(nested)).rejects.toMatchObject({ reason: 'MOUNT_REFUSED' });
    });

    it('reads what the configuration allows', async () => {
      const secret = volume('secret', 'token');
      writeFileSync(join(secret, 'value'), 'secret');
      const source = await open(await run([bind(secret, '/token')]), [...allowed, 'secret']);
      expect((await read(source, '/token/value')).data).toBe('secret');
    });

    it('says that a tmpfs is gone', async () => {
      const container = await run(
        [{ Type: 'tmpfs', Source: '', Target: '/one' }],
        'echo x > /one/file; echo x > /two/file',
        {
          HostConfig: { Tmpfs: { '/two': '' } },
        },
      );
      const source = await open(container);
      for (const path of ['/one/file', '/two/file']) {
        await expect(read(source, path), path).rejects.toMatchObject({ reason: 'CONTAINER_NOT_SEEN' });
      }
    });
  });

  it('reads no container that runs, could run again, has not started or is gone', async () => {
    const running = await pod.run('running', ['sleep', '600']);
    await expect(open(running)).rejects.toMatchObject({ reason: 'CONTAINER_NOT_SEEN' });
    const restarting = await pod.sh('restarting', 'exit 0', { HostConfig: { RestartPolicy: { Name: 'on-failure' } } });
    await expect(open(restarting)).rejects.toMatchObject({ reason: 'CONTAINER_NOT_SEEN' });
    const created = await pod.create('created', ['true']);
    await expect(open(created)).rejects.toMatchObject({ reason: 'CONTAINER_NOT_STARTED' });
    const removed = await pod.sh('removed', 'true');
    const source = await open(removed);
    await removed.remove();
    await expect(open(removed)).rejects.toMatchObject({ reason: 'CONTAINER_NOT_SEEN' });
    await expect(read(source, '/etc/passwd')).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' });
  });

  it('ends when it is told to, or left', async () => {
    const source = await open(await pod.sh('main', 'head -c 50000000 /dev/zero > /big'));
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

const noSave: SaveFunctions = {
  file: () => Promise.reject(new Error('nothing is saved here')),
  tree: () => Promise.reject(new Error('nothing is saved here')),
};
