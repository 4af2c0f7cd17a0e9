import { beforeAll, describe, expect, test } from 'vitest';
import { collect, eventually, type Flavour, of, readFile, type Subject } from '../conformance/subject.ts';
import type { TestPod } from '../node/pods.ts';
import { failure, unary } from '../rpc/agent-under-test.ts';
import { attackOn } from './attack.ts';
import { readsVolumesOnly } from './reach.ts';

/** A pod that is in the pid namespace of the node: what its /proc shows of the node's processes is not read for it. */
export function hostPid(flavour: Flavour, subject: () => Subject): void {
  const attack = attackOn(flavour.executor);

  describe("a pod in the node's pid namespace", () => {
    let pod: TestPod;
    const refused = async (path: string, expected: string, volume = '12 BASE_LAYER_NOT_OFFERED') => {
      const answer = readsVolumesOnly(flavour) ? volume : expected;
      expect(await failure(readFile(subject(), pod, 'main', path))).toBe(answer);
      expect(await failure(collect(subject(), pod, 'main', path, 'ARCHIVE_FORMAT_TAR'))).toBe(answer);
    };
    beforeAll(async () => {
      pod = await subject().pod({ hostPid: true });
      const links = 'ln -s /proc/1/root/etc/passwd /work/root; ln -s /proc/self/root/etc/passwd /work/self';
      const script = `${links}; trap "exit 5" TERM; touch /work/ready; while :; do sleep 0.1; done`;
      await subject().sh(pod, 'main', script, { volumes: [{ volume: 'work', mountPath: '/work' }] });
      await eventually(async () => (await failure(readFile(subject(), pod, 'main', '/work/ready'))) === 'OK');
    });

    // The agent's thread may trace its own process: there it is the kind of the link that is refused.
    attack.each([
      ['the root of the node', '/proc/1/root/etc/passwd', '7 PERMISSION_DENIED'],
      ['the root of the node, by a link', '/work/root', '7 PERMISSION_DENIED', '9 LINK_LEAVES_VOLUME'],
      ['the root of the agent', `/proc/${process.pid}/root/etc/passwd`, '9 SYMLINK_LOOP'],
      ['the root of who reads, by a link', '/work/self', '9 SYMLINK_LOOP', '9 LINK_LEAVES_VOLUME'],
    ])(
      [6, 7],
      '%s is not reached',
      async (_, path, expected, volume?: string) => await refused(path, expected, volume),
    );

    attack.each([
      ['process 1', '/proc/1/environ', '7 FILESYSTEM_REFUSED'],
      ['the agent', `/proc/${process.pid}/mem`, '7 FILESYSTEM_REFUSED'],
      ['who reads', '/proc/self/environ', '7 FILESYSTEM_REFUSED'],
    ])(8, 'nothing of %s is read', async (_, path, expected) => await refused(path, expected));

    test('a signal goes to its own container, or nowhere', async () => {
      const request = { containers: ['main'], gracePeriod: { seconds: 20 } };
      const call = unary(subject().client, 'kill', request, of(pod));
      if (flavour.capabilities['kill.sigkill']) {
        expect((await call).outcomes).toMatchObject([{ finalRecord: { exitCode: 5 } }]);
        return;
      }
      expect(await failure(call)).toBe('9 SHARED_PROCESS_NAMESPACE');
      expect((await unary(subject().client, 'listContainers', {}, of(pod))).containers).toMatchObject([
        { name: 'main', state: 'CONTAINER_STATE_RUNNING' },
      ]);
    });
  });
}
