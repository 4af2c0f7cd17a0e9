import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseLinkName, parseLogPath, parsePodDirectory } from '../../src/agent/pods/node-logs/log-names.ts';
import { LogDirectories } from './log-directories.ts';

const uid = '5d0c0b1e-6d4f-4d4a-9c3e-0a1b2c3d4e5f';
const pod = `default_steps.v1_${uid}`;
const id = 'e'.repeat(64);
const link = `steps.v1_default_main-${id}.log`;
const generous = { timeout: 20_000 };

describe('names of log files', () => {
  it.each([
    [`default_web_${uid}`, { uid, namespace: 'default', name: 'web' }],
    [`a-b_x.y-1.z_${uid}`, { uid, namespace: 'a-b', name: 'x.y-1.z' }],
    [`kube-system_etcd-node1_${'0'.repeat(32)}`, { uid: '0'.repeat(32), namespace: 'kube-system', name: 'etcd-node1' }],
  ])('%s is a pod', (name, expected) => {
    expect(parsePodDirectory(name)).toEqual(expected);
  });

  it.each([
    uid,
    `web_${uid}`,
    `default_web_${uid.toUpperCase()}`,
    `default_web_${uid}x`,
    `Default_web_${uid}`,
    `default_we b_${uid}`,
    `default_web\n_${uid}`,
    `default_-web_${uid}`,
    `default_a..b_${uid}`,
    `../web_${uid}`,
    `${'n'.repeat(64)}_web_${uid}`,
    `default_${'a.'.repeat(127)}a_${uid}`,
    '',
  ])('%j is none', (name) => {
    expect(parsePodDirectory(name)).toBeUndefined();
  });

  it('reads a link with every dash in its place', () => {
    expect(parseLinkName(`a-b.c_my-ns_my-main-${id}.log`)).toEqual({
      podName: 'a-b.c',
      namespace: 'my-ns',
      container: 'my-main',
      id,
    });
    for (const bad of [
      `a_b_c-${id}`,
      `a_b-${id}.log`,
      `a_b_c-${id.slice(1)}.log`,
      `a_b_c_d-${id}.log`,
      `a_b_${id}.log`,
    ]) {
      expect(parseLinkName(bad)).toBeUndefined();
    }
  });

  it('reads a path by its last three names', () => {
    const place = { pod: { uid, namespace: 'default', name: 'steps.v1' }, container: 'main', restartCount: 12 };
    expect(parseLogPath(`/host/var/log/pods/${pod}/main/12.log`)).toEqual(place);
    for (const bad of [
      `${pod}/main/x.log`,
      `${pod}/Main/0.log`,
      `${pod}/0.log`,
      `x/main/0.log`,
      `${pod}/main/-1.log`,
    ]) {
      expect(parseLogPath(bad)).toBeUndefined();
    }
  });
});

describe('pods by their log directories', () => {
  let node: LogDirectories;
  beforeEach(async () => {
    node = await LogDirectories.make();
  });
  afterEach(async () => {
    await node.close();
  });

  it('finds what is there', async () => {
    const path = await node.log(pod, 'main', 3);
    await node.link(link, path);
    await node.feed();
    expect(node.store.pods()).toMatchObject([{ uid, namespace: 'default', name: 'steps.v1' }]);
    expect(node.store.containers(uid)).toMatchObject([
      { id, name: 'main', restartCount: 3, state: 'waiting', logPath: path, image: '', kind: 'regular' },
    ]);
  });

  it('sees what comes, though not even the directories are there at first', async () => {
    await node.feed();
    expect(node.store.pods()).toEqual([]);
    const path = await node.log(pod, 'main');
    await vi.waitFor(() => expect(node.store.pod(uid)).toBeDefined(), generous);
    expect(node.store.containers(uid)).toEqual([]);
    await node.link(link, path);
    await vi.waitFor(() => expect(node.store.byId(uid, id)).toBeDefined(), generous);
  });

  it('sees a link that came before its pod directory', async () => {
    await node.feed();
    await node.link(link, join(node.podsDir, pod, 'main', '0.log'));
    await node.log(pod, 'main');
    await vi.waitFor(() => expect(node.store.byId(uid, id)).toBeDefined(), generous);
  });

  it('takes nothing from a link whose name and target disagree, nor from a file', async () => {
    const path = await node.log(pod, 'main');
    await node.link(`other_default_main-${id}.log`, path);
    await node.link(`steps.v1_other_main-${id}.log`, path);
    await node.link(`steps.v1_default_other-${id}.log`, path);
    await node.link(`steps.v1_default_main-${'f'.repeat(64)}.log`, '/etc/passwd');
    await mkdir(join(node.containersDir, link));
    await node.feed();
    expect(node.store.attempts(uid)).toEqual([]);
  });

  it('leaves static pods out', async () => {
    const staticPod = `kube-system_etcd_${'0'.repeat(32)}`;
    await node.link(`etcd_kube-system_etcd-${id}.log`, await node.log(staticPod, 'etcd'));
    await node.feed();
    expect(node.store.pods()).toEqual([]);
  });

  it('says unknown of a container whose link goes', async () => {
    const linked = await node.link(link, await node.log(pod, 'main'));
    await node.feed();
    await rm(linked);
    await vi.waitFor(() => expect(node.store.byId(uid, id)?.state).toBe('unknown'), generous);
    expect(node.store.pod(uid)).toBeDefined();
  });

  it('forgets a pod some time after its directory, unless it comes back', async () => {
    await node.log(pod, 'main');
    await node.feed(300);
    await rename(join(node.podsDir, pod), join(node.root, 'aside'));
    await rename(join(node.root, 'aside'), join(node.podsDir, pod));
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(node.store.pod(uid)).toBeDefined();
    await rm(join(node.podsDir, pod), { recursive: true });
    await vi.waitFor(() => expect(node.store.pod(uid)).toBeUndefined(), generous);
  });

  it('goes on after the whole directory was removed and made again', async () => {
    await node.link(link, await node.log(pod, 'main'));
    await node.feed(50);
    await rm(join(node.root, 'log'), { recursive: true });
    await vi.waitFor(() => expect(node.store.pod(uid)).toBeUndefined(), generous);
    await node.link(link, await node.log(pod, 'main'));
    await vi.waitFor(() => expect(node.store.byId(uid, id)).toBeDefined(), generous);
  });

  it('names a thousand pods that come at once', async () => {
    await node.feed();
    const uids = Array.from({ length: 1000 }, (_, n) => uid.slice(0, -4) + String(n).padStart(4, '0'));
    await Promise.all(
      uids.map((one, n) =>
        node
          .log(`default_p${n}_${one}`, 'main')
          .then((path) => node.link(`p${n}_default_main-${String(n).padStart(64, '0')}.log`, path)),
      ),
    );
    await vi.waitFor(() => expect(uids.every((one) => node.store.containers(one).length === 1)).toBe(true), generous);
  });
});
