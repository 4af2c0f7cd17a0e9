import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, pnsOnNamespaces, withSettings } from '../conformance/flavours.ts';
import { collect, eventually, openSubject, readFile, type Subject, waitFor } from '../conformance/subject.ts';
import type { TestPod, VolumeMount } from '../node/pods.ts';
import { failure } from '../rpc/agent-under-test.ts';

/** As the kubelet names the directories of volumes that the agent is not to hand on. */
const kept = [
  'kubernetes.io~secret',
  'kubernetes.io~configmap',
  'kubernetes.io~projected',
  'kubernetes.io~downward-api',
];

describe.each([
  ['docker', docker],
  ['pns', pnsOnNamespaces],
] as const)('mounts: %s executor', (_, flavour) => {
  let subject: Subject;
  let allowing: Subject | undefined;
  const ofNode = mkdtempSync(join(tmpdir(), 'podhand-node-'));
  beforeAll(async () => {
    subject = await openSubject(flavour);
    writeFileSync(join(ofNode, 'private'), 'private', { mode: 0o600 });
    writeFileSync(join(ofNode, 'public'), 'public', { mode: 0o644 });
    chmodSync(ofNode, 0o755);
  });
  afterAll(async () => {
    await allowing?.close();
    await subject?.close();
    rmSync(ofNode, { recursive: true });
  });
  const volumesOf = (of: Subject, pod: TestPod) => join(of.runtime.kubeletDir, 'pods', pod.uid, 'volumes');
  const hostPath = (mountPath: string, path: string): VolumeMount => ({
    volume: mountPath.slice(1),
    mountPath,
    kind: 'hostPath',
    hostPath: path,
  });
  const running = async (of: Subject, pod: TestPod, name: string, volumes: VolumeMount[], user = '0:0') => {
    await of.sh(pod, name, 'touch /tmp/ready; exec sleep 600', { volumes, user });
    await eventually(async () => (await failure(readFile(of, pod, name, '/tmp/ready'))) === 'OK');
  };
  const read = async (of: Subject, pod: TestPod, name: string, path: string) => [
    await failure(readFile(of, pod, name, path)),
    await failure(collect(of, pod, name, path, 'ARCHIVE_FORMAT_TAR')),
  ];

  test('the whole node, mounted into another container of the pod', async () => {
    const pod = await subject.pod();
    await running(subject, pod, 'main', [hostPath('/host', '/')]);
    for (const path of ['/host/etc/hostname', `/host${ofNode}/public`, '/host/etc']) {
      const results = await read(subject, pod, 'main', path);
      for (const result of results) expect(result).toBe('7 MOUNT_REFUSED');
    }
    expect((await collect(subject, pod, 'main', '/etc', 'ARCHIVE_FORMAT_TAR')).trailer.skipped?.mounts).toBe(0);
  });

  test('Secret, ConfigMap, projected and downward API volumes', async () => {
    const pod = await subject.pod();
    const volumes = kept.map((plugin, at) => {
      const directory = join(volumesOf(subject, pod), plugin, `v${at}`);
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'token'), 'kept');
      return hostPath(`/v${at}`, directory);
    });
    await running(subject, pod, 'main', volumes);
    for (const { mountPath } of volumes) {
      expect(await read(subject, pod, 'main', `${mountPath}/token`)).toEqual(['7 MOUNT_REFUSED', '7 MOUNT_REFUSED']);
    }
    const { trailer } = await collect(subject, pod, 'main', '/', 'ARCHIVE_FORMAT_TAR');
    expect(trailer.skipped?.mounts).toBeGreaterThanOrEqual(volumes.length);
  });

  test('a tmpfs and an emptyDir within an emptyDir are read, running and after the end', async () => {
    const pod = await subject.pod();
    const volumes: VolumeMount[] = [
      { volume: 'outer', mountPath: '/outer' },
      { volume: 'inner', mountPath: '/outer/inner' },
      { volume: 'memory', mountPath: '/outer/inner/memory', kind: 'tmpfs' },
    ];
    const files = ['/outer/a', '/outer/inner/b', '/outer/inner/memory/c'];
    const script = files.map((file) => `printf ${file} > ${file}`).join('; ');
    await subject.sh(pod, 'runs', `${script}; touch /tmp/ready; exec sleep 600`, { volumes });
    await eventually(async () => (await failure(readFile(subject, pod, 'runs', '/tmp/ready'))) === 'OK');
    await subject.sh(pod, 'ended', `${script}; sleep 0.3`, { volumes });
    await waitFor(subject, pod, 'ended');
    for (const name of ['runs', 'ended']) {
      for (const file of files) expect((await readFile(subject, pod, name, file)).toString()).toBe(file);
      const { trailer } = await collect(subject, pod, name, '/outer', 'ARCHIVE_FORMAT_TAR');
      expect(trailer.contentBytes).toBe(files.join('').length);
    }
  });

  test("a hard link to a file that the container's user cannot read", async () => {
    const pod = await subject.pod();
    const volume = await pod.volumeDir('shared');
    writeFileSync(join(volume, 'private'), 'private', { mode: 0o600 });
    linkSync(join(volume, 'private'), join(volume, 'mine'));
    const volumes = [{ volume: 'shared', mountPath: '/shared' }];
    await running(subject, pod, 'user', volumes, '1234:1234');
    await running(subject, pod, 'root', volumes);
    const denied = '7 PERMISSION_DENIED';
    expect(await read(subject, pod, 'user', '/shared/mine')).toEqual([denied, denied]);
    expect(await read(subject, pod, 'root', '/shared/mine')).toEqual(['OK', 'OK']);
  });

  test("where hostPath and Secret are allowed, the container's user still decides", async () => {
    await subject.close();
    const allow = 'mounts.allow=rootfs,emptyDir,tmpfs,hostPath,secret';
    allowing = await openSubject(withSettings(flavour, [allow]));
    const pod = await allowing.pod();
    const secret = await pod.volumeDir('token', 'secret');
    writeFileSync(join(secret, 'token'), 'token', { mode: 0o644 });
    const volumes: VolumeMount[] = [
      hostPath('/host', ofNode),
      { volume: 'token', mountPath: '/token', kind: 'secret' },
    ];
    await running(allowing, pod, 'user', volumes, '1000:1000');
    await running(allowing, pod, 'root', volumes);
    const denied = '7 PERMISSION_DENIED';
    expect(await read(allowing, pod, 'user', '/host/private')).toEqual([denied, denied]);
    expect(await read(allowing, pod, 'root', '/host/private')).toEqual(['OK', 'OK']);
    expect(await read(allowing, pod, 'user', '/token/token')).toEqual(['OK', 'OK']);
  });
});
