import { chmodSync, existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { withSettings } from '../conformance/flavours.ts';
import {
  collect,
  eventually,
  type Flavour,
  openSubject,
  readFile,
  type Subject,
  waitFor,
} from '../conformance/subject.ts';
import type { TestPod, VolumeMount } from '../node/pods.ts';
import { failure } from '../rpc/agent-under-test.ts';
import { attackOn } from './attack.ts';
import { readsVolumesOnly } from './reach.ts';

const refused = '7 MOUNT_REFUSED';
const denied = '7 PERMISSION_DENIED';

function hostPath(mountPath: string, path: string): VolumeMount {
  return { volume: mountPath.slice(1), mountPath, kind: 'hostPath', hostPath: path };
}

/** What the kubelet puts into a pod that the agent is not to hand on. */
async function keptVolumes(flavour: Flavour, { runtime }: Subject, pod: TestPod): Promise<VolumeMount[]> {
  if (flavour.fixedPods) {
    const kinds = ['secret', 'configMap', 'projected', 'token', 'downwardAPI'] as const;
    return kinds.map((kind) => ({ volume: kind.toLowerCase(), mountPath: `/${kind}`, kind }));
  }
  return ['secret', 'configmap', 'projected', 'downward-api'].map((plugin) => {
    const volumes = join(runtime.kubeletDir, 'pods', pod.uid, 'volumes');
    const directory = join(volumes, `kubernetes.io~${plugin}`, 'v');
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'key'), 'kept');
    return hostPath(`/${plugin}`, directory);
  });
}

interface Declared {
  readonly name: string;
  readonly volumes: readonly VolumeMount[];
  readonly user?: string;
}

/** A pod of these containers, once each is known to run; `prepare` is done in its volumes before they are started. */
async function podOf(
  subject: Subject,
  pod: TestPod,
  containers: readonly Declared[],
  prepare: () => unknown = () => {},
): Promise<void> {
  const ready = { volume: 'ready', mountPath: '/ready' };
  const stays = await subject.sh(pod, 'stays', 'exec sleep 600', { start: false });
  const made = [];
  for (const { name, volumes, user = '0:0' } of containers) {
    const script = `touch /ready/${name}; exec sleep 600`;
    made.push(await subject.sh(pod, name, script, { volumes: [ready, ...volumes], user, start: false }));
  }
  await stays.start();
  await prepare();
  for (const container of made) await container.start();
  for (const { name } of containers)
    await eventually(async () => (await failure(readFile(subject, pod, name, `/ready/${name}`))) === 'OK');
}

async function read(of: Subject, pod: TestPod, name: string, path: string): Promise<string[]> {
  return [
    await failure(readFile(of, pod, name, path)),
    await failure(collect(of, pod, name, path, 'ARCHIVE_FORMAT_TAR')),
  ];
}

/** Files of the node, which a pod has by a hostPath. */
function ofNode(): string {
  const directory = mkdtempSync(join(tmpdir(), 'podhand-node-'));
  writeFileSync(join(directory, 'private'), 'private', { mode: 0o600 });
  writeFileSync(join(directory, 'public'), 'public', { mode: 0o644 });
  chmodSync(directory, 0o755);
  return directory;
}

export function mounts(flavour: Flavour, subject: () => Subject): void {
  const attack = attackOn(flavour.executor);
  const ofVolume = readsVolumesOnly(flavour);

  describe('mounts', () => {
    const node = ofNode();
    afterAll(() => rmSync(node, { recursive: true }));

    attack(32, 'the whole node, mounted into another container of the pod', async () => {
      const pod = await subject().pod();
      await podOf(subject(), pod, [{ name: 'main', volumes: [hostPath('/host', '/')] }]);
      for (const path of ['/host/etc/hostname', `/host${node}/public`, '/host/etc']) {
        expect(await read(subject(), pod, 'main', path)).toEqual([refused, refused]);
      }
    });

    attack(34, 'Secret, ConfigMap, projected and downward API volumes', async () => {
      const pod = await subject().pod();
      const volumes = await keptVolumes(flavour, subject(), pod);
      await podOf(subject(), pod, [{ name: 'main', volumes }]);
      for (const { mountPath } of volumes) {
        expect(await read(subject(), pod, 'main', `${mountPath}/key`)).toEqual([refused, refused]);
      }
      if (ofVolume) return;
      const { trailer } = await collect(subject(), pod, 'main', '/', 'ARCHIVE_FORMAT_TAR');
      expect(trailer.skipped?.mounts).toBeGreaterThanOrEqual(volumes.length);
    });

    attack(35, 'a tmpfs and an emptyDir within an emptyDir, running and after the end', async () => {
      const pod = await subject().pod();
      const volumes: VolumeMount[] = [
        { volume: 'outer', mountPath: '/outer' },
        { volume: 'inner', mountPath: '/outer/inner' },
        { volume: 'memory', mountPath: '/outer/inner/memory', kind: 'tmpfs' },
      ];
      const files = ['/outer/a', '/outer/inner/b', '/outer/inner/memory/c'];
      const script = files.map((file) => `printf ${file} > ${file}`).join('; ');
      const ended = await subject().sh(pod, 'ended', `${script}; sleep 0.3`, { volumes, start: false });
      await subject().sh(pod, 'runs', `${script}; touch /outer/ready; exec sleep 600`, { volumes });
      await eventually(async () => (await failure(readFile(subject(), pod, 'runs', '/outer/ready'))) === 'OK');
      await ended.start();
      await waitFor(subject(), pod, 'ended');
      // By the specification alone, what is mounted below is other volumes: they are counted.
      const expected = ofVolume
        ? { contentBytes: '/outer/a'.length, skipped: { mounts: 2 } }
        : { contentBytes: files.join('').length, skipped: { mounts: 0 } };
      for (const name of ['runs', 'ended']) {
        for (const file of files) expect((await readFile(subject(), pod, name, file)).toString()).toBe(file);
        const { trailer } = await collect(subject(), pod, name, '/outer', 'ARCHIVE_FORMAT_TAR');
        expect(trailer).toMatchObject(expected);
      }
    });

    attack(21, "a hard link to a file that the container's user cannot read", async () => {
      const pod = await subject().pod();
      const volumes = [{ volume: 'shared', mountPath: '/shared' }];
      const containers = [
        { name: 'user', volumes, user: '1234:1234' },
        { name: 'root', volumes },
      ];
      await podOf(subject(), pod, containers, async () => {
        const volume = await pod.volumeDir('shared');
        await eventually(async () => existsSync(volume));
        writeFileSync(join(volume, 'private'), 'private', { mode: 0o600 });
        linkSync(join(volume, 'private'), join(volume, 'mine'));
      });
      expect(await read(subject(), pod, 'user', '/shared/mine')).toEqual([denied, denied]);
      expect(await read(subject(), pod, 'root', '/shared/mine')).toEqual(['OK', 'OK']);
    });
  });
}

/** With an agent of its own, which is allowed more. */
export function allowedMounts(flavour: Flavour): void {
  const attack = attackOn(flavour.executor);
  const ofVolume = readsVolumesOnly(flavour);

  describe('where hostPath and Secret are allowed', () => {
    let subject: Subject;
    const node = ofNode();
    beforeAll(async () => {
      const allow = 'mounts.allow=rootfs,emptyDir,tmpfs,hostPath,secret';
      subject = await openSubject(withSettings(flavour, [allow]));
    });
    afterAll(async () => {
      await subject?.close();
      rmSync(node, { recursive: true });
    });

    attack([33, 34], "the container's user still decides", async () => {
      const pod = await subject.pod();
      const volumes: VolumeMount[] = [
        hostPath('/host', node),
        { volume: 'token', mountPath: '/token', kind: 'secret' },
      ];
      const containers = [
        { name: 'user', volumes, user: '1000:1000' },
        { name: 'root', volumes },
      ];
      await podOf(subject, pod, containers, async () => {
        if (flavour.fixedPods) return;
        writeFileSync(join(await pod.volumeDir('token', 'secret'), 'key'), 'token', { mode: 0o644 });
      });
      // By the specification alone nobody knows where a hostPath leads.
      const ofHost = ofVolume ? '9 VOLUME_NOT_REACHABLE' : undefined;
      expect(await read(subject, pod, 'user', '/host/private')).toEqual(Array(2).fill(ofHost ?? denied));
      expect(await read(subject, pod, 'root', '/host/private')).toEqual(Array(2).fill(ofHost ?? 'OK'));
      expect((await readFile(subject, pod, 'user', '/token/key')).length).toBe(5);
    });
  });
}
