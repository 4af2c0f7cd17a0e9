import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cgroupPathOf, cgroupsOf, MeetingPlace } from '../attacks/cgroup-process.ts';
import { pnsOnNamespaces } from '../conformance/flavours.ts';
import { eventually, of, openSubject, type Subject } from '../conformance/subject.ts';
import { removeCgroup } from '../node/mounts.ts';
import { createCgroup } from '../node/namespaces/cgroups.ts';
import type { TestContainer, TestPod } from '../node/pods.ts';
import { failure, unary } from '../rpc/agent-under-test.ts';

let subject: Subject;
let pod: TestPod;
let main: TestContainer;
const places: MeetingPlace[] = [];
const undoing: (() => unknown)[] = [];
beforeAll(async () => {
  subject = await openSubject(pnsOnNamespaces);
  pod = await subject.pod();
  main = await subject.sh(pod, 'main', 'exec sleep 600');
});
afterAll(async () => await subject?.close());
afterEach(async () => {
  for (const place of places.splice(0)) await place.close();
  for (const undo of undoing.splice(0).reverse()) await undo();
});
const meet = () => {
  const place = new MeetingPlace();
  places.push(place);
  return place;
};

const ofPod = () => join(subject.runDir, 'pods', pod.uid, 'agent.sock');
const ofAdmin = () => join(subject.runDir, 'admin.sock');
const refusals = (from: number) =>
  subject.logLines
    .slice(from)
    .map((line) => JSON.parse(line) as { msg: string; reason?: string })
    .filter(({ msg }) => msg === 'connection refused: not identified')
    .map(({ reason }) => reason);

/** Names that a container may give a cgroup of its own, and at which a pattern for one line could stop. */
test.each(['a\rb', '\r', '\u2028', 'x (deleted)'])(
  'root of a container in its own cgroup %j is not root of the node',
  async (name) => {
    const nested = `${await cgroupPathOf(main)}/${name}`;
    const cgroups = await createCgroup(nested);
    undoing.push(() => removeCgroup(nested));
    const from = subject.logLines.length;
    const [asRoot, asPod] = [meet(), meet()];
    await asRoot.start('relay', ofAdmin(), cgroups).says();
    expect(await failure(unary(asRoot.client(), 'getInfo', {}, of(pod)))).toMatch(/^14 /);
    expect(refusals(from)).toEqual(['CALLER_UNKNOWN']);
    await asPod.start('relay', ofPod(), cgroups).says();
    expect(await failure(unary(asPod.client(), 'getInfo', {}, of(pod)))).toBe('OK');
  },
);

/** Starts a program of this directory, which undoes what it did when the test is over. */
async function start(program: string, ...args: string[]): Promise<{ tell(): Promise<void> }> {
  const child = spawn('python3', [join(import.meta.dirname, program), ...args]);
  const exited = once(child, 'exit');
  undoing.push(async () => {
    child.stdin.end();
    expect(await exited).toEqual([0, null]);
  });
  await once(child.stdout, 'data');
  return {
    tell: async () => {
      child.stdin.write('\n');
      await once(child.stdout, 'data');
    },
  };
}

/** Makes ready to hide where a process is: the answer does it. */
const hidings: readonly (readonly [string, (pid: number) => Promise<() => Promise<unknown>>])[] = [
  [
    'is longer than PATH_MAX',
    async (pid) => {
      const [cgroup = ''] = await cgroupsOf(main);
      return async () => await start('deep-cgroup.py', cgroup, String(pid));
    },
  ],
  // What older kernels do of such a path; others tell its beginning.
  ['is refused with ENAMETOOLONG', async (pid) => (await start('unwritable-cgroup.py', String(pid))).tell],
];

describe.each(hidings)('a cgroup whose path %s', (_, prepare) => {
  const startWaiting = async (socket: string, cgroups: readonly string[]) => {
    const place = meet();
    const go = 'until [ -e "$BESIDE/go" ]; do sleep 0.02; done; exec "$@"';
    const relay = place.start('relay', socket, cgroups, ['sh', '-c', go, 'sh']);
    const hide = await prepare(relay.pid);
    return { place, relay, hide, go: () => writeFileSync(join(place.directory, 'go'), '') };
  };

  test('names no root of the node', async () => {
    const from = subject.logLines.length;
    const { relay, hide, go } = await startWaiting(ofAdmin(), []);
    await hide();
    go();
    await relay.says();
    await eventually(async () => refusals(from).length > 0);
    expect(refusals(from)).toEqual(['CALLER_UNKNOWN']);
  });

  test('ends what was opened before', async () => {
    const { place, relay, hide, go } = await startWaiting(ofPod(), await cgroupsOf(main));
    go();
    await relay.says();
    const client = place.client();
    expect(await failure(unary(client, 'getInfo', {}, of(pod)))).toBe('OK');
    await hide();
    expect(await failure(unary(client, 'getInfo', {}, of(pod)))).toBe('16 CALLER_UNKNOWN');
  });
});
