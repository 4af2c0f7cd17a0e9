import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CollectArtifactResponse__Output } from '../../src/wire/generated/podhand/v1/CollectArtifactResponse.ts';
import { collect, eventually, type Flavour, of, readFile, type Subject, waitFor } from '../conformance/subject.ts';
import type { TestPod } from '../node/pods.ts';
import { failure, unary } from '../rpc/agent-under-test.ts';
import { attackOn } from './attack.ts';
import { readsVolumesOnly } from './reach.ts';

/** As many names as one file may have on ext4, nearly. */
const names = 60_000;

/** Trees that are large in one way or another: whole within the limits, refused beyond, and nobody else waits for them. */
export function largeTrees(flavour: Flavour, subject: () => Subject): void {
  const attack = attackOn(flavour.executor);
  const ofVolume = readsVolumesOnly(flavour);
  // Where volumes are read by the pod's specification, it makes no difference whether a container runs.
  const states = ofVolume ? (['running'] as const) : (['running', 'exited'] as const);

  describe.each(states)('large trees of a container that is %s', (state) => {
    let pod: TestPod;
    beforeAll(async () => {
      pod = await subject().pod();
      const top = ofVolume ? '/out' : '';
      const last = state === 'exited' ? 'exit 0' : `touch ${top || '/tmp'}/ready; exec sleep 600`;
      const script = ofVolume ? last : `mkdir /tree && cd /tree && seq 1 100000 | xargs touch && ${last}`;
      const stays = await subject().sh(pod, 'stays', 'exec sleep 600', { start: false });
      const volumes = [{ volume: 'out', mountPath: '/out' }];
      const main = await subject().sh(pod, 'main', script, { volumes, start: false });
      await stays.start();
      makeTrees(await pod.volumeDir('out'));
      await main.start();
      if (state === 'exited') await waitFor(subject(), pod, 'main');
      else
        await eventually(
          async () => (await failure(readFile(subject(), pod, 'main', `${top || '/tmp'}/ready`))) === 'OK',
        );
    });
    const tar = (path: string) => collect(subject(), pod, 'main', path, 'ARCHIVE_FORMAT_TAR');

    if (!ofVolume)
      test('100,000 files: each is there', async () => {
        expect(await failure(readFile(subject(), pod, 'main', '/tree'))).toBe('9 NOT_A_REGULAR_FILE');
        const { bytes, trailer } = await tar('/tree');
        expect(trailer).toMatchObject({ entries: 100_001, contentBytes: 0 });
        const listed = execFileSync('tar', ['-tf', '-'], { input: bytes, maxBuffer: 2 ** 24 })
          .toString()
          .trim();
        expect(new Set(listed.split('\n')).size).toBe(100_001);
      });

    attack(22, 'one file under 60,000 names: its bytes are counted and sent once', async () => {
      const { trailer } = await tar('/out/names');
      expect(trailer).toMatchObject({ entries: names + 1, contentBytes: 'inode'.length });
    });

    attack(23, '200,000 entries in one directory: refused at the limit, while other calls are answered', async () => {
      expect(await failure(readFile(subject(), pod, 'main', '/out/many'))).toBe('9 NOT_A_REGULAR_FILE');
      const request = { container: 'main', path: Buffer.from('/out/many'), format: 'ARCHIVE_FORMAT_TAR' } as const;
      const call = subject().client.collectArtifact(request, of(pod)) as AsyncIterable<CollectArtifactResponse__Output>;
      let ended = false;
      let answeredMeanwhile = 0;
      const collecting = failure(call).finally(() => {
        ended = true;
      });
      while (!ended) {
        await unary(subject().client, 'getInfo', {}, of(pod));
        if (!ended) answeredMeanwhile++;
      }
      expect(await collecting).toBe('8 TOO_MANY_ENTRIES');
      expect(answeredMeanwhile).toBeGreaterThan(5);
    });

    attack(24, '3,000 directories deep', async () => {
      expect(await failure(tar('/out/d'))).toBe('8 TREE_TOO_DEEP');
      expect(await failure(readFile(subject(), pod, 'main', `/out${'/d'.repeat(3000)}`))).toBe('3 INVALID_PATH');
      expect(await failure(readFile(subject(), pod, 'main', `/out${'/d'.repeat(2000)}`))).toBe('9 NOT_A_REGULAR_FILE');
    });
  });
}

/** On the node: in a container it takes longer. */
function makeTrees(volume: string): void {
  mkdirSync(join(volume, 'names'));
  mkdirSync(join(volume, 'many'));
  for (const file of ['one', 'many/a', 'many/b', 'many/c', 'many/d']) writeFileSync(join(volume, file), 'inode');
  for (let at = 0; at < names; at++) linkSync(join(volume, 'one'), join(volume, 'names', String(at)));
  // 200,000 entries in one directory, of four inodes.
  for (const file of ['a', 'b', 'c', 'd']) {
    for (let at = 0; at < 50_000; at++) linkSync(join(volume, 'many', file), join(volume, 'many', `${file}${at}`));
  }
  // 3,000 directories deep: no path of the node is long enough to name it.
  execFileSync('python3', ['-c', "import os\nfor _ in range(3000):\n os.mkdir('d')\n os.chdir('d')"], { cwd: volume });
}
