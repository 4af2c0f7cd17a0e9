import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { failure, unary } from '../rpc/agent-under-test.ts';
import { eventually, type Flavour, logsOf, of, type Subject, waitFor } from './subject.ts';

export function waitConformance(flavour: Flavour, subject: () => Subject): void {
  describe('wait', () => {
    test.each([
      ['exits in a millisecond', 'exit 0', 0],
      ['exit 1', 'exit 1', 1],
      ['exit 64', 'exit 64', 64],
      ['exit 137 by itself', 'exit 137', 137],
    ])('%s', async (_, script, exitCode) => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', script);
      const record = await waitFor(subject(), pod, 'main');
      expect(record).toMatchObject({ container: 'main', exitKnown: true, exitCode, oomKilled: false });
      expect(record.finishedAt).not.toBeNull();
    });

    test('death by SIGKILL is 137, and the signal is told where the executor can', async () => {
      const pod = await subject().pod();
      const main = await subject().sh(pod, 'main', 'exec sleep 600');
      const waiting = waitFor(subject(), pod, 'main');
      await main.signal('SIGKILL');
      expect(await waiting).toMatchObject({
        exitCode: 137,
        signal: flavour.capabilities['wait.signal'] ? 9 : 0,
        oomKilled: false,
      });
    });

    // On a busy node containerd hears of the end before it hears of the memory, and a kubelet asks it once.
    test('out of memory is told apart', { retry: 5 }, async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', 'exec tail /dev/zero', { memoryBytes: 32 * 2 ** 20 });
      expect(await waitFor(subject(), pod, 'main')).toMatchObject({
        exitCode: 137,
        oomKilled: flavour.capabilities['wait.oom'],
      });
    });

    test('many calls wait for one container and get the same record', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', 'sleep 1; exit 3');
      const records = await Promise.all(Array.from({ length: 20 }, () => waitFor(subject(), pod, 'main')));
      expect(new Set(records.map((record) => JSON.stringify(record))).size).toBe(1);
      expect(records[0]?.exitCode).toBe(3);
    });

    test('a grandchild that goes on does not keep the container', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', '(sleep 600 &) ; exit 5');
      expect((await waitFor(subject(), pod, 'main')).exitCode).toBe(5);
    });

    test('a container that is removed while it is awaited', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'other', 'exec sleep 600', { start: false });
      const main = await subject().sh(pod, 'main', 'exec sleep 600');
      const waiting = waitFor(subject(), pod, 'main');
      await new Promise((resolve) => setTimeout(resolve, 300));
      await main.remove(true);
      expect(await waiting).toMatchObject({ exitKnown: true, exitCode: 137 });
    });

    if (flavour.fixedPods) restartedByKubelet();
    else recreated();

    function recreated(): void {
      test('a container that was re-created: the newest attempt counts', async () => {
        const pod = await subject().pod();
        await subject().sh(pod, 'main', 'exit 1');
        expect(await waitFor(subject(), pod, 'main')).toMatchObject({ restartCount: 0, exitCode: 1 });
        await subject().sh(pod, 'main', 'sleep 1; exit 2', { restartCount: 1 });
        await expect
          .poll(async () => (await waitFor(subject(), pod, 'main')).restartCount, { timeout: 20_000 })
          .toBe(1);
        expect(await waitFor(subject(), pod, 'main')).toMatchObject({ restartCount: 1, exitCode: 2 });
      });
    }

    function restartedByKubelet(): void {
      test('a container that the kubelet starts again: each attempt has its own record, and the newest counts', async () => {
        const pod = await subject().pod({ spec: { restartPolicy: 'OnFailure' } });
        const script = `n=$(cat /count/n 2>/dev/null || echo 0); echo $((n + 1)) > /count/n; echo attempt $n
          [ $n = 0 ] && exit 1; trap "exit 5" TERM; while :; do sleep 0.1; done`;
        await subject().sh(pod, 'main', script, { volumes: [{ volume: 'count', mountPath: '/count' }] });
        const logs = async (previous: boolean) =>
          (await logsOf(subject(), pod, { container: 'main', previous })).both.toString();
        await eventually(async () => (await logs(false)) === 'attempt 1\n');
        // A status is behind its container, and so is what counts as the attempt before.
        await eventually(async () => (await logs(true).catch(() => '')) === 'attempt 0\n');
        const { outcomes } = await unary(subject().client, 'kill', { containers: ['main'] }, of(pod));
        expect(outcomes).toMatchObject([{ finalRecord: { restartCount: 1, exitCode: 5 } }]);
        const record = join(subject().stateDir, 'records', pod.uid, 'main-0.json');
        await eventually(async () => existsSync(record));
        expect(JSON.parse(readFileSync(record, 'utf8'))).toMatchObject({ exitCode: 1 });
      });
    }

    test('an exit is known after a restart of the agent', async () => {
      const pod = await subject().pod();
      const other = await subject().sh(pod, 'other', 'exec sleep 600', { start: false });
      await subject().sh(pod, 'main', 'exit 9');
      await other.start();
      const before = await waitFor(subject(), pod, 'main');
      await subject().restartAgent();
      expect(await waitFor(subject(), pod, 'main')).toEqual(before);
    });

    test.each([
      ['unknown container', 'nobody', '5 CONTAINER_NOT_FOUND'],
      ['empty name', '', '3 INVALID_REQUEST'],
    ])('%s', async (_, name, expected) => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', 'exec sleep 600');
      await expect
        .poll(() => failure(subject().client.wait({ containers: [name] }, of(pod))), { timeout: 20_000 })
        .toBe(expected);
    });
  });
}
