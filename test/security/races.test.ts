import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, pnsOnNamespaces } from '../conformance/flavours.ts';
import { collect, eventually, openSubject, readFile, type Subject } from '../conformance/subject.ts';
import type { TestPod } from '../node/pods.ts';
import { failure } from '../rpc/agent-under-test.ts';
import { startPython } from './python-process.ts';

const tries = 400;

/** Somebody exchanges parts of a path as fast as the kernel can, while it is read. */
describe.each([
  ['docker', docker],
  ['pns', pnsOnNamespaces],
] as const)('paths that change under our hands: %s executor', (_, flavour) => {
  let subject: Subject;
  let pod: TestPod;
  let volume: string;
  /** The same path on the node and in the container; a link to it must lead to the latter. */
  const elsewhere = mkdtempSync(join(tmpdir(), 'podhand-race-'));
  beforeAll(async () => {
    subject = await openSubject(flavour);
    pod = await subject.pod();
    volume = await pod.volumeDir('data');
    writeFileSync(join(elsewhere, 'file'), 'of the node');
    const script = `mkdir -p ${elsewhere}; printf 'of the container' > ${elsewhere}/file; touch /tmp/ready; exec sleep 600`;
    await subject.sh(pod, 'main', script, { volumes: [{ volume: 'data', mountPath: '/data' }] });
    await eventually(async () => (await failure(readFile(subject, pod, 'main', '/tmp/ready'))) === 'OK');
  });
  afterAll(async () => {
    await subject?.close();
    rmSync(elsewhere, { recursive: true });
  });

  /** What came of each try, counted. */
  const outcomes = async (attempt: () => Promise<Buffer>): Promise<Map<string, number>> => {
    const seen = new Map<string, number>();
    for (let at = 0; at < tries; at++) {
      let bytes: Buffer | undefined;
      const result = await failure(
        attempt().then((got) => {
          bytes = got;
        }),
      );
      const outcome = bytes?.toString('latin1') ?? result;
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    }
    return seen;
  };
  const read = (path: string) => () => readFile(subject, pod, 'main', path);

  test.each([
    ['absolute', elsewhere],
    ['with .. over the root', `../../../../../..${elsewhere}`],
    ['with .. in the middle', `../../data/../../..${elsewhere}`],
  ])('a directory exchanged with a link, %s: never a byte of the node', async (what, target) => {
    const directory = join(volume, what.replaceAll(' ', '-'));
    mkdirSync(join(directory, 'parent'), { recursive: true });
    writeFileSync(join(directory, 'parent/file'), 'of the volume');
    symlinkSync(target, join(directory, 'link'));
    const path = `/data/${what.replaceAll(' ', '-')}`;
    const stop = await startPython('swap.py', directory, 'parent', 'link');
    try {
      const files = await outcomes(read(`${path}/parent/file`));
      const trees = await outcomes(async () => (await collect(subject, pod, 'main', path, 'ARCHIVE_FORMAT_TAR')).bytes);
      for (const seen of [...files.keys(), ...trees.keys()]) expect(seen).not.toContain('of the node');
      const allowed = ['of the volume', 'of the container', '10 PATH_CHANGED', '5 FILE_NOT_FOUND'];
      for (const seen of files.keys()) expect(allowed).toContain(seen);
      // Both were met, or there was no race to survive.
      for (const met of ['of the volume', 'of the container']) expect(files.get(met)).toBeGreaterThan(0);
    } finally {
      await stop();
    }
  });

  test.each([
    ['FIFO', ['mkfifo']],
    ['device that never ends', ['mknod', 'c', '1', '5']],
  ] as const)('a file exchanged with a %s: never opened', async (what, [program, ...rest]) => {
    const directory = join(volume, program);
    mkdirSync(directory);
    writeFileSync(join(directory, 'file'), 'of the volume');
    execFileSync(program, [join(directory, 'other'), ...rest]);
    const stop = await startPython('swap.py', directory, 'file', 'other');
    try {
      const files = await outcomes(read(`/data/${program}/file`));
      const allowed = ['of the volume', '9 NOT_A_REGULAR_FILE', '10 PATH_CHANGED', '5 FILE_NOT_FOUND'];
      for (const seen of files.keys()) expect(`${what}: ${allowed.includes(seen)} ${seen}`).toContain('true');
      for (const met of ['of the volume', '9 NOT_A_REGULAR_FILE']) expect(files.get(met)).toBeGreaterThan(0);
      for (let at = 0; at < 100; at++) {
        const result = await failure(collect(subject, pod, 'main', `/data/${program}`, 'ARCHIVE_FORMAT_TAR'));
        expect(['OK', '10 PATH_CHANGED']).toContain(result);
      }
    } finally {
      await stop();
    }
  });
});
