import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TestPod } from '../node/pods.ts';
import { eventually, logsOf, type Subject, waitFor } from './subject.ts';

/** What a container of the pod does with nothing but its socket: the real client in the real container. */
export function inPodConformance(subject: () => Subject): void {
  describe('from inside the pod', () => {
    const podhand = async (pod: TestPod, name: string, args: string[], user = '0:0') => {
      await pod.run({
        name,
        image: 'node',
        command: ['/usr/bin/node', '/podhand/bin/podhand', ...args],
        volumes: [
          { volume: 'outputs', mountPath: '/outputs' },
          { volume: 'read-only', mountPath: '/read-only', readOnly: true },
        ],
        user,
        socketDir: true,
        checkout: true,
      });
      await eventually(
        async () => (await logsOf(subject(), pod, { container: name }).catch(() => undefined)) !== undefined,
      );
      const record = await waitFor(subject(), pod, name);
      const { both } = await logsOf(subject(), pod, { container: name });
      return { exitCode: record.exitCode, output: both.toString() };
    };

    test('ps shows the own pod only, and the caller is known', async () => {
      const other = await subject().pod();
      await subject().sh(other, 'stranger', 'exec sleep 600');
      const pod = await subject().pod();
      await subject().sh(pod, 'main', 'exec sleep 600');
      const { output, exitCode } = await podhand(pod, 'asks', ['info', '-o', 'json']);
      expect(exitCode).toBe(0);
      expect(JSON.parse(output)).toMatchObject({ pod: { uid: pod.uid, name: pod.name }, callerContainer: 'asks' });
      const list = await podhand(pod, 'lists', ['ps']);
      expect(list.output).toContain('main');
      expect(list.output).not.toContain('stranger');
    });

    test('save: a file and a tree into the own volume, as the calling user; nothing else is written', async () => {
      const pod = await subject().pod();
      const outputs = await pod.volumeDir('outputs');
      await pod.volumeDir('read-only');
      mkdirSync(join(outputs, 'taken'));
      writeFileSync(join(outputs, 'there'), 'before');
      await subject().sh(
        pod,
        'main',
        'mkdir -p /tmp/tree/sub; echo a > /tmp/tree/a; echo b > /tmp/tree/sub/b; ln -s a /tmp/tree/link; exit 0',
      );
      await waitFor(subject(), pod, 'main');
      expect(await podhand(pod, 'file', ['save', 'main:/tmp/tree/a', '/outputs/a', '--format', 'raw'])).toMatchObject({
        exitCode: 0,
      });
      expect(readFileSync(join(outputs, 'a'), 'utf8')).toBe('a\n');
      expect(await podhand(pod, 'tree', ['save', 'main:/tmp/tree', '/outputs/tree', '--format', 'raw'])).toMatchObject({
        exitCode: 0,
      });
      expect(readFileSync(join(outputs, 'tree/sub/b'), 'utf8')).toBe('b\n');
      expect(readFileSync(join(outputs, 'tree/link'), 'utf8')).toBe('a\n');
      expect(
        await podhand(pod, 'archive', ['save', 'main:/tmp/tree', '/outputs/tree.tgz', '--format', 'tgz']),
      ).toMatchObject({ exitCode: 0 });
      expect(readFileSync(join(outputs, 'tree.tgz')).subarray(0, 2).toString('hex')).toBe('1f8b');
      const refused: [string, string[], string][] = [
        ['exists', ['/outputs/there'], 'DESTINATION_EXISTS'],
        ['base-layer', ['/tmp/x'], 'DESTINATION_NOT_A_VOLUME'],
        ['no-directory', ['/outputs/missing/x'], 'FILE_NOT_FOUND'],
        ['not-writable', ['/read-only/x'], 'PERMISSION_DENIED'],
      ];
      for (const [name, destination, reason] of refused) {
        const { exitCode, output } = await podhand(pod, name, [
          'save',
          'main:/tmp/tree/a',
          ...destination,
          '--format',
          'raw',
        ]);
        expect(`${name} ${exitCode} ${output}`).toMatch(new RegExp(`${name} 64 .*${reason}`, 's'));
      }
      expect(readFileSync(join(outputs, 'there'), 'utf8')).toBe('before');
      expect(
        await podhand(pod, 'over', ['save', 'main:/tmp/tree/a', '/outputs/there', '--format', 'raw', '--overwrite']),
      ).toMatchObject({ exitCode: 0 });
      expect(readFileSync(join(outputs, 'there'), 'utf8')).toBe('a\n');
    });
  });
}
