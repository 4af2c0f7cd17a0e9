import { appendFileSync, renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect } from 'vitest';
import type { CollectArtifactResponse__Output } from '../../src/wire/generated/podhand/v1/CollectArtifactResponse.ts';
import type { ReadFileResponse__Output } from '../../src/wire/generated/podhand/v1/ReadFileResponse.ts';
import { eventually, type Flavour, of, readFile, type Subject, waitFor } from '../conformance/subject.ts';
import type { TestPod } from '../node/pods.ts';
import { failure } from '../rpc/agent-under-test.ts';
import { attackOn } from './attack.ts';
import { readsVolumesOnly } from './reach.ts';

/** Far more than what is under way between file and caller, so that it cannot have been read to its end. */
const size = 64 * 2 ** 20;
const content = Buffer.alloc(size, 'podhand\n');
type Part = ReadFileResponse__Output | CollectArtifactResponse__Output;

const calls = {
  ReadFile: (subject: Subject, pod: TestPod, path: Buffer) =>
    subject.client.readFile({ container: 'main', path }, of(pod)) as AsyncIterable<Part>,
  'CollectArtifact as raw': (subject: Subject, pod: TestPod, path: Buffer) =>
    subject.client.collectArtifact(
      { container: 'main', path, format: 'ARCHIVE_FORMAT_RAW' },
      of(pod),
    ) as AsyncIterable<Part>,
  'CollectArtifact as tar': (subject: Subject, pod: TestPod, path: Buffer) =>
    subject.client.collectArtifact(
      { container: 'main', path, format: 'ARCHIVE_FORMAT_TAR' },
      of(pod),
    ) as AsyncIterable<Part>,
};

/** Begins to read, lets `change` happen once bytes have come, and reads on: the bytes, or how it failed. */
async function readWhile(call: AsyncIterable<Part>, change: () => unknown): Promise<Buffer | string> {
  const chunks: Buffer[] = [];
  let changed = false;
  const read = async () => {
    for await (const part of call) {
      if (part.part !== 'chunk' || !part.chunk) continue;
      chunks.push(part.chunk);
      if (!changed) await change();
      changed = true;
    }
  };
  const result = await failure(read());
  return result === 'OK' ? Buffer.concat(chunks) : result;
}

/** The one file of a tar. */
function body(bytes: Buffer, name: string): Buffer {
  if (!name.endsWith('tar')) return bytes;
  expect(Number.parseInt(bytes.toString('latin1', 124, 135), 8)).toBe(size);
  expect(bytes.subarray(512 + size).equals(Buffer.alloc(bytes.length - 512 - size))).toBe(true);
  expect(bytes.length % 512).toBe(0);
  return bytes.subarray(512, 512 + size);
}

/** A file that changes while it is read: never a byte too many or invented. */
export function changingFiles(flavour: Flavour, subject: () => Subject): void {
  const attack = attackOn(flavour.executor);
  const ofVolume = readsVolumesOnly(flavour);
  // Where volumes are read by the pod's specification, it makes no difference whether a container runs.
  const states = ofVolume ? (['running'] as const) : (['running', 'exited'] as const);
  const volumes = [{ volume: 'out', mountPath: '/out' }];
  const ready = ofVolume ? '/out/ready' : '/tmp/ready';

  describe.each(states)('a file that changes while it is read, container %s', (state) => {
    let pod: TestPod;
    let file: string;
    beforeAll(async () => {
      pod = await subject().pod();
      const last = state === 'exited' ? 'sleep 0.3' : `touch ${ready}; exec sleep 600`;
      const stays = await subject().sh(pod, 'stays', 'exec sleep 600', { start: false });
      const main = await subject().sh(pod, 'main', last, { volumes, start: false });
      await stays.start();
      file = join(await pod.volumeDir('out'), 'file');
      await main.start();
      if (state === 'exited') await waitFor(subject(), pod, 'main');
      else await eventually(async () => (await failure(readFile(subject(), pod, 'main', ready))) === 'OK');
    });

    describe.each(Object.entries(calls))('%s', (name, call) => {
      const during = (change: () => unknown) => {
        writeFileSync(file, content);
        return readWhile(call(subject(), pod, Buffer.from('/out/file')), change);
      };
      const whole = (bytes: Buffer | string) => {
        if (typeof bytes === 'string') expect(bytes).toBe('OK');
        else expect(body(bytes, name).equals(content)).toBe(true);
      };

      attack(18, 'grows: as it was when it was opened', async () => {
        whole(await during(() => appendFileSync(file, 'more')));
      });
      attack(19, 'shrinks: DATA_LOSS, nothing is filled up', async () => {
        expect(await during(() => truncateSync(file, size / 2))).toBe('15 FILE_CHANGED');
      });
      attack(20, 'is removed: what was opened is read to its end', async () => {
        whole(await during(() => unlinkSync(file)));
      });
      attack(20, 'is replaced: what was opened is read to its end', async () => {
        writeFileSync(`${file}.new`, 'another');
        whole(await during(() => renameSync(`${file}.new`, file)));
      });
    });
  });

  attack(37, 'the container ends, and is removed, while it is read', async () => {
    const pod = await subject().pod();
    const place = ofVolume ? '/out' : '/tmp';
    const script = `yes podhand | head -c ${size} > ${place}/file; touch ${ready}; exec sleep 600`;
    const main = await subject().sh(pod, 'main', script, { start: false, ...(ofVolume && { volumes }) });
    await subject().sh(pod, 'other', 'exec sleep 600');
    await main.start();
    await eventually(async () => (await failure(readFile(subject(), pod, 'main', ready))) === 'OK');
    const call = calls.ReadFile(subject(), pod, Buffer.from(`${place}/file`));
    const bytes = await readWhile(call, async () => await main.remove(true));
    expect(Buffer.isBuffer(bytes) && bytes.equals(content)).toBe(true);
  });
}
