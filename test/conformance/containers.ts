import { describe, expect, test } from 'vitest';
import type { ListContainersResponse__Output } from '../../src/wire/generated/podhand/v1/ListContainersResponse.ts';
import type { ContainerSpec, TestPod } from '../node/pods.ts';
import { failure, unary } from '../rpc/agent-under-test.ts';
import { collect, eventually, type Flavour, logsOf, of, readFile, type Subject, waitFor } from './subject.ts';

/** Containers that are not as most are, each through every call that it has an answer to. */
export function containersConformance(flavour: Flavour, subject: () => Subject): void {
  const client = () => subject().client;
  const stop = async (pod: TestPod, name: string) =>
    (await unary(client(), 'kill', { containers: [name], gracePeriod: { seconds: 1 } }, of(pod))).outcomes;
  const list = async (pod: TestPod): Promise<ListContainersResponse__Output> =>
    await unary(client(), 'listContainers', {}, of(pod));
  const shown = async (pod: TestPod, name: string) =>
    (await list(pod)).containers.find((container) => container.name === name)?.state;

  describe('containers', () => {
    test.each<[string, Partial<ContainerSpec>]>([
      ['of a user that is not root', { user: '1234:1234' }],
      ...(flavour.terminals ? [['with a TTY', { tty: true }] as [string, Partial<ContainerSpec>]] : []),
    ])('%s: awaited, read, followed, stopped', async (_, spec) => {
      const pod = await subject().pod();
      const script = 'echo mine > /tmp/mine; echo said; trap "" TERM; touch /tmp/ready; while :; do sleep 0.1; done';
      await subject().sh(pod, 'main', script, spec);
      await subject().sh(pod, 'ends', 'echo mine > /tmp/mine; echo said; exit 64', spec);
      expect(await waitFor(subject(), pod, 'ends')).toMatchObject({ exitCode: 64, exitKnown: true });
      await eventually(async () => (await failure(readFile(subject(), pod, 'main', '/tmp/ready'))) === 'OK');
      for (const name of ['main', 'ends']) {
        expect((await readFile(subject(), pod, name, '/tmp/mine')).toString()).toBe('mine\n');
        expect((await collect(subject(), pod, name, '/tmp', 'ARCHIVE_FORMAT_TAR')).trailer.contentBytes).toBe(5);
        expect((await logsOf(subject(), pod, { container: name })).stdout.toString().trim()).toBe('said');
      }
      expect(await stop(pod, 'main')).toMatchObject([{ result: 'KILL_RESULT_FORCED', finalRecord: { exitCode: 137 } }]);
    });

    test('from an image without a shell: awaited, read, collected, logged', async () => {
      const pod = await subject().pod();
      await pod.run({ name: 'main', image: 'scratch', command: ['/bin/sleep', '600'] });
      await pod.run({ name: 'ends', image: 'scratch', command: ['/bin/echo', 'said'] });
      await eventually(async () => (await failure(list(pod))) === 'OK');
      expect(await waitFor(subject(), pod, 'ends')).toMatchObject({ exitCode: 0, exitKnown: true });
      expect((await logsOf(subject(), pod, { container: 'ends' })).stdout.toString()).toBe('said\n');
      await eventually(async () => (await shown(pod, 'main')) === 'CONTAINER_STATE_RUNNING');
      expect((await readFile(subject(), pod, 'main', '/bin/cat')).subarray(1, 4).toString()).toBe('ELF');
      // One file under ten names.
      const { trailer } = await collect(subject(), pod, 'main', '/bin', 'ARCHIVE_FORMAT_TAR');
      expect(trailer.entries).toBe(11);
    });

    test('that ends in a millisecond: its output and its exit are not lost', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', 'echo said; exit 9');
      expect(await waitFor(subject(), pod, 'main')).toMatchObject({ exitCode: 9, exitKnown: true });
      expect((await logsOf(subject(), pod, { container: 'main', follow: true })).stdout.toString()).toBe('said\n');
      expect(await stop(pod, 'main')).toMatchObject([{ result: 'KILL_RESULT_ALREADY_GONE' }]);
    });

    test('that was created and never started, and starts at last', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'other', 'exec sleep 600');
      const main = await subject().sh(pod, 'main', 'echo said; exit 6', { start: false });
      // Without a runtime to ask, a container that has not started is not known by name.
      const known = subject().runtime.name === 'docker';
      const expected = known ? '9 CONTAINER_NOT_STARTED' : '5 CONTAINER_NOT_FOUND';
      if (known) await eventually(async () => (await shown(pod, 'main')) === 'CONTAINER_STATE_WAITING');
      const path = Buffer.from('/etc/passwd');
      expect(await failure(client().readFile({ container: 'main', path }, of(pod)))).toBe(expected);
      expect(await failure(client().collectArtifact({ container: 'main', path }, of(pod)))).toBe(expected);
      expect(await failure(client().streamLogs({ container: 'main' }, of(pod)))).toBe(expected);
      const once = { containers: ['main'], signal: 'TERM', once: true };
      expect(await failure(unary(client(), 'kill', once, of(pod)))).toBe(expected);
      const waiting = waitFor(subject(), pod, 'main');
      await main.start();
      expect(await waiting).toMatchObject({ exitCode: 6, exitKnown: true });
    });

    test.each([
      ['is not there', '/no/such/program', 127],
      ['cannot be executed', '/etc/passwd', 126],
    ])('whose command %s', async (_, program, exitCode) => {
      const pod = await subject().pod();
      await subject().sh(pod, 'other', 'exec sleep 600');
      await expect(pod.run({ name: 'main', command: [program] })).rejects.toThrow();
      if (subject().runtime.name === 'docker') {
        const record = await waitFor(subject(), pod, 'main');
        expect(record).toMatchObject({ exitKnown: true, exitCode, source: expect.any(String) });
        expect(record.message).not.toBe('');
        expect(await stop(pod, 'main')).toMatchObject([{ result: 'KILL_RESULT_ALREADY_GONE' }]);
        // The runtime had made its root, and may have been seen in it.
        const path = Buffer.from('/etc/hostname');
        expect(await failure(client().readFile({ container: 'main', path }, of(pod)))).toMatch(
          /^(OK|9 CONTAINER_NOT_(STARTED|SEEN))$/,
        );
      } else {
        // A runtime links the log of what it has started: without that there is no name.
        expect(await failure(client().wait({ containers: ['main'] }, of(pod)))).toBe('5 CONTAINER_NOT_FOUND');
      }
    });

    if (flavour.terminals) {
      test('that the runtime starts again: each attempt has its own exit, and is waited for, read and stopped', async () => {
        const pod = await subject().pod();
        const script =
          'n=$(cat /n 2>/dev/null || echo 0); echo $((n + 1)) > /n; echo run $n; [ $n = 2 ] && exec sleep 600; sleep 0.5; exit $((n + 1))';
        const main = await subject().sh(pod, 'main', script);
        expect(await waitFor(subject(), pod, 'main')).toMatchObject({ restartCount: 0, exitCode: 1 });
        for (const attempt of [1, 2]) {
          await main.start();
          await eventually(async () => (await list(pod)).containers[0]?.restartCount === attempt);
          if (attempt === 1)
            expect(await waitFor(subject(), pod, 'main')).toMatchObject({ restartCount: 1, exitCode: 2 });
        }
        await eventually(async () => (await shown(pod, 'main')) === 'CONTAINER_STATE_RUNNING');
        await eventually(async () => (await failure(readFile(subject(), pod, 'main', '/n'))) === 'OK');
        await eventually(async () => (await readFile(subject(), pod, 'main', '/n')).toString() === '3\n');
        expect(await stop(pod, 'main')).toMatchObject([
          { result: 'KILL_RESULT_FORCED', finalRecord: { restartCount: 2, exitCode: 137 } },
        ]);
        expect((await readFile(subject(), pod, 'main', '/n')).toString()).toBe('3\n');
      });
    }
  });
}
