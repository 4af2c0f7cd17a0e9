import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, pnsOnNamespaces, withSettings } from '../conformance/flavours.ts';
import { collect, eventually, of, openSubject, readFile, type Subject } from '../conformance/subject.ts';
import type { TestPod } from '../node/pods.ts';
import { failure } from '../rpc/agent-under-test.ts';
import { startPython } from './python-process.ts';

describe.each([
  ['docker', docker],
  ['pns', pnsOnNamespaces],
] as const)('a FUSE mount that never answers: %s executor', (_, flavour) => {
  let subject: Subject;
  let pod: TestPod;
  let other: TestPod;
  let stop: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    // Two places for each pod, three for the node: a pod that could take three would take them all.
    subject = await openSubject(withSettings(flavour, ['limits.readersPerPod=2', 'limits.readers=3']));
    pod = await subject.pod();
    other = await subject.pod();
    const script = 'mkdir -p /tree/fuse; ln -s /tree/fuse/x /link; echo plain > /tree/plain; exec sleep 600';
    const main = await subject.sh(pod, 'main', script);
    await subject.sh(other, 'main', script);
    for (const each of [pod, other]) {
      await eventually(async () => (await failure(readFile(subject, each, 'main', '/tree/plain'))) === 'OK');
    }
    stop = await startPython('fuse-mount.py', String(await main.pid()), '/tree/fuse');
  });
  afterAll(async () => {
    await stop?.();
    await subject?.close();
  });

  test('is refused before it is looked at, and left out of a tree', async () => {
    for (const path of ['/tree/fuse', '/tree/fuse/x']) {
      expect(await failure(readFile(subject, pod, 'main', path))).toBe('7 MOUNT_REFUSED');
      expect(await failure(collect(subject, pod, 'main', path, 'ARCHIVE_FORMAT_TAR'))).toBe('7 MOUNT_REFUSED');
    }
    const { trailer } = await collect(subject, pod, 'main', '/tree', 'ARCHIVE_FORMAT_TAR');
    expect(trailer).toMatchObject({ contentBytes: 'plain\n'.length, skipped: { mounts: 1 } });
  });

  test('reached through a link it holds places of its own pod, never more, until it answers', async () => {
    const reading = (path: string) =>
      failure(
        subject.client.readFile({ container: 'main', path: Buffer.from(path) }, of(pod), {
          deadline: Date.now() + 1000,
        }),
      );
    for (const result of await Promise.all([reading('/link'), reading('/link')])) expect(result).toMatch(/^4 /);
    // The two threads are given up for lost some seconds after they were told to stop.
    await eventually(async () => (await reading('/tree/plain')) === '8 TOO_MANY_CALLS');
    for (let at = 0; at < 4; at++) expect(await reading('/link')).toBe('8 TOO_MANY_CALLS');
    expect((await readFile(subject, other, 'main', '/tree/plain')).toString()).toBe('plain\n');
    await stop?.();
    stop = undefined;
    await eventually(async () => {
      await sleep(50);
      return (await reading('/tree/plain')) === 'OK';
    });
  });
});
