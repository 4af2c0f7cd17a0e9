import { once } from 'node:events';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { describe, expect, it } from 'vitest';
import { allowed, EndedFiles } from './ended-files.ts';

describe('mounts of ended containers that nobody held', () => {
  const on = new EndedFiles();

  const volume = (plugin: string, name: string) => {
    const path = join(on.kubeletDirectory, 'pods', on.pod.uid, 'volumes', `kubernetes.io~${plugin}`, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const bind = (source: string, target: string) => ({ Type: 'bind' as const, Source: source, Target: target });
  const run = (mounts: Docker.MountConfig, script = 'true', options: Docker.ContainerCreateOptions = {}) =>
    on.pod.sh('main', script, { ...options, HostConfig: { Mounts: mounts, ...options.HostConfig } });

  it('reads volumes where nothing is refused', async () => {
    const empty = volume('empty-dir', 'w');
    writeFileSync(join(empty, 'result'), 'from the volume');
    const server = createServer().listen(join(empty, 's'));
    await once(server, 'listening');
    const named = { Type: 'volume' as const, Source: `podhand-test-${on.pod.uid}`, Target: '/named' };
    const container = await run([bind(empty, '/work'), named], 'echo x > /named/file; echo base > /base');
    const source = await on.open(container);
    expect((await on.read(source, '/work/result')).data).toBe('from the volume');
    expect((await on.read(source, '/named/file')).data).toBe('x\n');
    expect((await on.read(source, '/base')).data).toBe('base\n');
    expect((await on.read(source, '/etc/hosts')).data).toContain('localhost');
    await expect(on.read(source, '/work/s')).rejects.toMatchObject({ reason: 'NOT_A_REGULAR_FILE' });
    expect(readdirSync(join(on.extract((await on.tar(source, '/work')).archive), 'work'))).toEqual(['result']);
    server.close();
    await on.pod.remove();
    await on.node.docker.getVolume(named.Source).remove();
  });

  it.each([
    ['secret', 'kubernetes.io~secret'],
    ['projected', 'kubernetes.io~projected'],
    ['configmap', 'kubernetes.io~configmap'],
  ])('refuses a volume of kind %s', async (plugin) => {
    const secret = volume(plugin, 'token');
    writeFileSync(join(secret, 'value'), 'secret');
    const container = await run([bind(secret, '/w/token')], 'echo x > /w/file; ln -s /w/token/value /w/link');
    const source = await on.open(container);
    for (const path of ['/w/token/value', '/w/token', '/w/link']) {
      await expect(on.read(source, path), path).rejects.toMatchObject({ reason: 'MOUNT_REFUSED' });
    }
    const { archive, summary } = await on.tar(source, '/w');
    expect(archive.includes('secret')).toBe(false);
    expect(summary).toMatchObject({ entries: 3, skipped: { mounts: 1 } });
    expect((await on.read(source, '/w/file')).data).toBe('x\n');
  });

  it('knows a mount whose destination leads through a link of the image', async () => {
    const maker = await on.pod.sh('maker', 'mkdir -p /run/secrets; ln -s /run /var/run');
    const image = `podhand-test/linked:${on.pod.uid}`;
    await maker.commit({ repo: 'podhand-test/linked', tag: on.pod.uid });
    try {
      const secret = volume('secret', 'token');
      writeFileSync(join(secret, 'value'), 'secret');
      const source = await on.open(await run([bind(secret, '/var/run/secrets/sa')], 'true', { Image: image }));
      for (const path of ['/run/secrets/sa/value', '/var/run/secrets/sa/value']) {
        await expect(on.read(source, path), path).rejects.toMatchObject({ reason: 'MOUNT_REFUSED' });
      }
      expect((await on.tar(source, '/run')).archive.includes('secret\0')).toBe(false);
    } finally {
      await on.pod.remove();
      await on.node.docker.getImage(image).remove({ force: true });
    }
  });

  it('refuses directories of the node, also by way of a volume', async () => {
    mkdirSync(join(on.directory, 'host'));
    writeFileSync(join(on.directory, 'host/file'), 'of the host');
    const empty = volume('empty-dir', 'work');
    symlinkSync(join(on.directory, 'host'), join(empty, 'trap'));
    const source = await on.open(
      await run([bind(join(on.directory, 'host'), '/host'), bind(join(empty, 'trap'), '/trap')]),
    );
    for (const path of ['/host/file', '/trap/file']) {
      await expect(on.read(source, path), path).rejects.toMatchObject({ reason: 'MOUNT_REFUSED' });
    }
  });

  it("refuses another pod's volume", async () => {
    const other = join(on.kubeletDirectory, 'pods', 'other', 'volumes/kubernetes.io~empty-dir/work');
    mkdirSync(other, { recursive: true });
    writeFileSync(join(other, 'file'), 'of the other');
    const source = await on.open(await run([bind(other, '/work')]));
    await expect(on.read(source, '/work/file')).rejects.toMatchObject({ reason: 'MOUNT_REFUSED' });
  });

  it('refuses volumes where a racing writer could lead the engine to what is refused', async () => {
    const empty = volume('empty-dir', 'work');
    writeFileSync(join(empty, 'result'), 'x');
    const source = await on.open(
      await run([bind(empty, '/work'), bind(volume('secret', 'token'), '/token')], 'echo b > /base'),
    );
    await expect(on.read(source, '/work/result')).rejects.toMatchObject({ reason: 'MOUNT_REFUSED' });
    expect((await on.read(source, '/base')).data).toBe('b\n');
    const nested = await on.pod.sh('nested', 'true', {
      HostConfig: { Mounts: [bind(empty, '/work'), bind(volume('secret', 'token'), '/work/token')] },
    });
    await expect(on.open(nested)).rejects.toMatchObject({ reason: 'MOUNT_REFUSED' });
  });

  it('reads what the configuration allows', async () => {
    const secret = volume('secret', 'token');
    writeFileSync(join(secret, 'value'), 'secret');
    const source = await on.open(await run([bind(secret, '/token')]), [...allowed, 'secret']);
    expect((await on.read(source, '/token/value')).data).toBe('secret');
  });

  it('says that a tmpfs is gone', async () => {
    const container = await run(
      [{ Type: 'tmpfs', Source: '', Target: '/one' }],
      'echo x > /one/file; echo x > /two/file',
      {
        HostConfig: { Tmpfs: { '/two': '' } },
      },
    );
    const source = await on.open(container);
    for (const path of ['/one/file', '/two/file']) {
      await expect(on.read(source, path), path).rejects.toMatchObject({ reason: 'CONTAINER_NOT_SEEN' });
    }
  });
});
