import { extract } from 'tar-stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { collect, logsOf, openSubject, readFile, type Subject, waitFor } from '../conformance/subject.ts';
import { emissaryOnDocker, SupervisedPod } from './supervised-pod.ts';

const runs = 500;
/** Fewer than the agent holds of one pod. */
const perPod = 25;
const atOnce = 6;

let subject: Subject;
beforeAll(async () => {
  subject = await openSubject(emissaryOnDocker(['emissary.hold=true']));
}, 600_000);
afterAll(async () => await subject?.close());

/** The one file of a tar. */
async function contentOf(tar: Buffer, wanted: string): Promise<string | undefined> {
  const reader = extract();
  reader.end(tar);
  let content: string | undefined;
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    if (entry.header.name === wanted) content = Buffer.concat(chunks).toString();
  }
  return content;
}

/** A container that ends as soon as it has begun; what is left of it is on its base layer and in its output. */
async function once(own: SupervisedPod, name: string): Promise<void> {
  const container = await own.sh(
    name,
    `echo value-${name} > /parameter; mkdir /a; echo ${name} > /a/file; echo ${name}; exit 3`,
  );
  const record = await waitFor(subject, own.pod, name);
  const result = await logsOf(subject, own.pod, { container: name, follow: true });
  const parameter = await readFile(subject, own.pod, name, '/parameter');
  const artifact = await collect(subject, own.pod, name, '/a', 'ARCHIVE_FORMAT_TAR');
  const content = await contentOf(artifact.bytes, 'a/file');
  expect([record.exitCode, result.stdout.toString(), parameter.toString(), content]).toEqual([
    3,
    `${name}\n`,
    `value-${name}\n`,
    `${name}\n`,
  ]);
  await container.remove();
}

test(`${runs} containers that exit at once lose no exit code, result, parameter or artifact`, async () => {
  let done = 0;
  const pods = Array.from({ length: runs / perPod }, (_, at) => at);
  const work = async () => {
    for (let at = pods.shift(); at !== undefined; at = pods.shift()) {
      const own = await SupervisedPod.make(subject, '--collect-within', '30s');
      for (let run = 0; run < perPod; run++) {
        await once(own, `run-${at}-${run}`);
        done++;
      }
      await own.pod.remove();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  expect(done).toBe(runs);
}, 900_000);
