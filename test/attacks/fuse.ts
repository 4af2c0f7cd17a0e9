import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { withSettings } from '../conformance/flavours.ts';
import { collect, eventually, type Flavour, of, openSubject, readFile, type Subject } from '../conformance/subject.ts';
import type { TestPod } from '../node/pods.ts';
import { failure } from '../rpc/agent-under-test.ts';
import { attackOn } from './attack.ts';
import { startPython } from './python-process.ts';
import { readsVolumesOnly } from './reach.ts';

/** With an agent of its own, which has few readers. */
export function silentFuse(flavour: Flavour): void {
  const attack = attackOn(flavour.executor);
  const ofVolume = readsVolumesOnly(flavour);

  describe('a FUSE mount that never answers', () => {
    let subject: Subject;
    let pod: TestPod;
    let other: TestPod;
    let stop: (() => Promise<void>) | undefined;
    beforeAll(async () => {
      // Two places for each pod, three for the node: a pod that could take three would take them all.
      subject = await openSubject(withSettings(flavour, ['limits.readersPerPod=2', 'limits.readers=3']));
      pod = await subject.pod();
      other = await subject.pod();
      const volumes = [{ volume: 'tree', mountPath: '/tree' }];
      const script = 'mkdir -p /tree/fuse; ln -s fuse/x /tree/link; echo plain > /tree/plain; exec sleep 600';
      const main = await subject.sh(pod, 'main', script, ofVolume ? { volumes } : {});
      await subject.sh(other, 'main', script, ofVolume ? { volumes } : {});
      for (const each of [pod, other]) {
        await eventually(async () => (await failure(readFile(subject, each, 'main', '/tree/plain'))) === 'OK');
      }
      // On the node where volumes are read there: a pod can have it mounted so, with propagation.
      stop = ofVolume
        ? await startPython('fuse-mount.py', String(process.pid), join(await pod.volumeDir('tree'), 'fuse'))
        : await startPython('fuse-mount.py', String(await main.pid()), '/tree/fuse');
    });
    afterAll(async () => {
      await stop?.();
      await subject?.close();
    });

    attack(36, 'is refused before it is looked at, and left out of a tree', async () => {
      for (const path of ['/tree/fuse', '/tree/fuse/x']) {
        expect(await failure(readFile(subject, pod, 'main', path))).toBe('7 MOUNT_REFUSED');
        expect(await failure(collect(subject, pod, 'main', path, 'ARCHIVE_FORMAT_TAR'))).toBe('7 MOUNT_REFUSED');
      }
      const { trailer } = await collect(subject, pod, 'main', '/tree', 'ARCHIVE_FORMAT_TAR');
      expect(trailer).toMatchObject({ contentBytes: 'plain\n'.length, skipped: { mounts: 1 } });
    });

    const reading = (path: string, withinMs = 20_000) =>
      failure(
        subject.client.readFile({ container: 'main', path: Buffer.from(path) }, of(pod), {
          deadline: Date.now() + withinMs,
        }),
      );

    // No mount is entered by such an executor, however it is reached.
    if (ofVolume)
      attack(36, 'is not reached through a link either', async () => {
        for (let at = 0; at < 4; at++) expect(await reading('/tree/link')).toBe('9 LINK_LEAVES_VOLUME');
        expect(await reading('/tree/plain')).toBe('OK');
      });
    else
      attack(36, 'reached through a link it holds places of its own pod, never more, until it answers', async () => {
        for (const result of await Promise.all([reading('/tree/link', 1000), reading('/tree/link', 1000)]))
          expect(result).toMatch(/^4 /);
        // The two threads are given up for lost some seconds after they were told to stop.
        await eventually(async () => (await reading('/tree/plain')) === '8 TOO_MANY_CALLS');
        for (let at = 0; at < 4; at++) expect(await reading('/tree/link')).toBe('8 TOO_MANY_CALLS');
        expect((await readFile(subject, other, 'main', '/tree/plain')).toString()).toBe('plain\n');
        await stop?.();
        stop = undefined;
        await eventually(async () => {
          await sleep(50);
          return (await reading('/tree/plain')) === 'OK';
        });
      });
  });
}
