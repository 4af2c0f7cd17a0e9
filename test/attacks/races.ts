import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { collect, eventually, type Flavour, readFile, type Subject } from '../conformance/subject.ts';
import type { TestPod } from '../node/pods.ts';
import { failure } from '../rpc/agent-under-test.ts';
import { type Attempt, attackOn } from './attack.ts';
import { startPython } from './python-process.ts';
import { swappedKinds } from './race-place.ts';
import { readsVolumesOnly } from './reach.ts';

/** Calls under way at the same time. */
const atOnce = 8;
/** Well over what they take; the number of calls ends a race, never the clock. */
const withinMs = 600_000;

/**
 * Somebody exchanges parts of a path as fast as the kernel can, while it is read so many times in each form, and its
 * directory collected a twentieth as often.
 */
export function races(flavour: Flavour, subject: () => Subject, reads: number): void {
  const attack = attackOn(flavour.executor);
  const ofVolume = readsVolumesOnly(flavour);
  const trees = Math.ceil(reads / 20);

  describe('paths that change under our hands', () => {
    let pod: TestPod;
    let volume: string;
    /** The same path on the node and in the container; a link to it must lead to the latter. */
    const elsewhere = mkdtempSync(join(tmpdir(), 'podhand-race-'));
    beforeAll(async () => {
      pod = await subject().pod();
      writeFileSync(join(elsewhere, 'file'), 'of the node');
      const script = `mkdir -p ${elsewhere}; printf 'of the container' > ${elsewhere}/file; touch /data/ready; exec sleep 600`;
      await subject().sh(pod, 'main', script, { volumes: [{ volume: 'data', mountPath: '/data' }] });
      volume = await pod.volumeDir('data');
      await eventually(async () => (await failure(readFile(subject(), pod, 'main', '/data/ready'))) === 'OK');
    });
    afterAll(() => rmSync(elsewhere, { recursive: true }));

    /** What came of each try, counted. */
    const outcomes = async (attempt: Attempt, count: number, one: () => Promise<Buffer>) => {
      const seen = new Map<string, number>();
      let left = count;
      const go = async () => {
        while (left-- > 0) {
          const outcome = await one().then(
            (bytes) => bytes.toString('latin1'),
            async (error) => await failure(Promise.reject(error)),
          );
          seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, go));
      attempt.operations(count);
      return seen;
    };
    const read = (path: string) => () => readFile(subject(), pod, 'main', path);
    const tree = (path: string) => async () =>
      (await collect(subject(), pod, 'main', path, 'ARCHIVE_FORMAT_TAR')).bytes;

    const forms = [
      [4, 'absolute', elsewhere],
      [5, 'with .. over the root', `../../../../../..${elsewhere}`],
      [5, 'with .. in the middle', `../../data/../../..${elsewhere}`],
    ] as const;
    // Where only the container could tell where a link leads, none is followed.
    const through = ofVolume ? '9 LINK_LEAVES_VOLUME' : 'of the container';
    for (const [number, what, target] of forms) {
      const body = async (attempt: Attempt) => {
        const name = what.replaceAll(' ', '-');
        const directory = join(volume, name);
        mkdirSync(join(directory, 'parent'), { recursive: true });
        writeFileSync(join(directory, 'parent/file'), 'of the volume');
        symlinkSync(target, join(directory, 'link'));
        const stop = await startPython('swap.py', directory, 'parent', 'link');
        try {
          const files = await outcomes(attempt, reads, read(`/data/${name}/parent/file`));
          const collected = await outcomes(attempt, trees, tree(`/data/${name}`));
          for (const seen of [...files.keys(), ...collected.keys()]) expect(seen).not.toContain('of the node');
          const allowed = ['of the volume', through, '10 PATH_CHANGED', '5 FILE_NOT_FOUND'];
          expect([...files.keys()].filter((seen) => !allowed.includes(seen))).toEqual([]);
          // Both were met, or there was no race to survive.
          for (const met of ['of the volume', through]) expect(files.get(met)).toBeGreaterThan(0);
        } finally {
          await stop();
        }
      };
      attack(number, `a directory exchanged with a link, ${what}: never a byte of the node`, body, withinMs);
    }

    for (const [number, what, program, rest] of swappedKinds) {
      const body = async (attempt: Attempt) => {
        const directory = join(volume, program);
        mkdirSync(directory);
        writeFileSync(join(directory, 'file'), 'of the volume');
        execFileSync(program, [join(directory, 'other'), ...rest]);
        const stop = await startPython('swap.py', directory, 'file', 'other');
        try {
          const files = await outcomes(attempt, reads, read(`/data/${program}/file`));
          const allowed = ['of the volume', '9 NOT_A_REGULAR_FILE', '10 PATH_CHANGED', '5 FILE_NOT_FOUND'];
          expect([...files.keys()].filter((seen) => !allowed.includes(seen))).toEqual([]);
          for (const met of ['of the volume', '9 NOT_A_REGULAR_FILE']) expect(files.get(met)).toBeGreaterThan(0);
          const collected = await outcomes(attempt, trees, async () => {
            await tree(`/data/${program}`)();
            return Buffer.from('OK');
          });
          expect([...collected.keys()].filter((seen) => !['OK', '10 PATH_CHANGED'].includes(seen))).toEqual([]);
        } finally {
          await stop();
        }
      };
      attack(number, `a file exchanged with a ${what}: never opened`, body, withinMs);
    }
  });
}
