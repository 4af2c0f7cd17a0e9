import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TestContainer, TestPod } from '../node/pods.ts';
import { failure } from '../rpc/agent-under-test.ts';
import { eventually, type Flavour, logsOf, readFile, type Subject, waitFor } from './subject.ts';

/** What a container of the pod does with nothing but its socket: the real client in the real container. */
export function inPodConformance(flavour: Flavour, subject: () => Subject): void {
  describe('from inside the pod', () => {
    /** A container that runs the client once it is started; a cluster's pod has to be told of it beforehand. */
    const prepare = (pod: TestPod, name: string, args: string[], user = '0:0') =>
      pod.run({
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
        start: false,
      });
    const podhand = async (pod: TestPod, prepared: TestContainer) => {
      const { name } = prepared;
      await prepared.start();
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
      const asks = await prepare(pod, 'asks', ['info', '-o', 'json']);
      const lists = await prepare(pod, 'lists', ['ps']);
      await subject().sh(pod, 'main', 'exec sleep 600');
      const { output, exitCode } = await podhand(pod, asks);
      expect(exitCode).toBe(0);
      expect(JSON.parse(output)).toMatchObject({ pod: { uid: pod.uid, name: pod.name }, callerContainer: 'asks' });
      const list = await podhand(pod, lists);
      expect(list.output).toContain('main');
      expect(list.output).not.toContain('stranger');
    });

    if (!flavour.capabilities['save.in_kernel']) return;
    test('save: a file and a tree into the own volume, as the calling user; nothing else is written', async () => {
      const pod = await subject().pod();
      const stays = await subject().sh(pod, 'stays', 'exec sleep 600', { start: false });
      const made = flavour.capabilities['files.base_layer.exited'] ? '/tmp' : '/made';
      const save = (name: string, from: string, to: string, format: string, ...more: string[]) =>
        prepare(pod, name, ['save', `main:${made}/tree${from}`, to, '--format', format, ...more]);
      const file = await save('file', '/a', '/outputs/a', 'raw');
      const tree = await save('tree', '', '/outputs/tree', 'raw');
      const archive = await save('archive', '', '/outputs/tree.tgz', 'tgz');
      const over = await save('over', '/a', '/outputs/there', 'raw', '--overwrite');
      const refused: [TestContainer, string][] = [
        [await save('exists', '/a', '/outputs/there', 'raw'), 'DESTINATION_EXISTS'],
        [await save('base-layer', '/a', '/tmp/x', 'raw'), 'DESTINATION_NOT_A_VOLUME'],
        [await save('no-directory', '/a', '/outputs/missing/x', 'raw'), 'FILE_NOT_FOUND'],
        [await save('not-writable', '/a', '/read-only/x', 'raw'), 'PERMISSION_DENIED'],
      ];
      const main = await subject().sh(
        pod,
        'main',
        `trap 'exit 0' TERM
        mkdir -p ${made}/tree/sub; cd ${made}; echo a > tree/a; echo b > tree/sub/b; ln -s a tree/link; touch made
        sleep 600 & wait`,
        { volumes: made === '/made' ? [{ volume: 'made', mountPath: made }] : [] },
      );
      await stays.start();
      const outputs = await pod.volumeDir('outputs');
      await pod.volumeDir('read-only');
      mkdirSync(join(outputs, 'taken'));
      writeFileSync(join(outputs, 'there'), 'before');
      // On a busy node pns does not see one that ends at once.
      await eventually(async () => (await failure(readFile(subject(), pod, 'main', `${made}/made`))) === 'OK');
      await main.signal('SIGTERM');
      await waitFor(subject(), pod, 'main');
      expect(told(await podhand(pod, file))).toMatch(/^0 /);
      expect(readFileSync(join(outputs, 'a'), 'utf8')).toBe('a\n');
      expect(told(await podhand(pod, tree))).toMatch(/^0 /);
      expect(readFileSync(join(outputs, 'tree/sub/b'), 'utf8')).toBe('b\n');
      expect(readFileSync(join(outputs, 'tree/link'), 'utf8')).toBe('a\n');
      expect(told(await podhand(pod, archive))).toMatch(/^0 /);
      expect(readFileSync(join(outputs, 'tree.tgz')).subarray(0, 2).toString('hex')).toBe('1f8b');
      for (const [container, reason] of refused) {
        const { exitCode, output } = await podhand(pod, container);
        expect(`${container.name} ${exitCode} ${output}`).toMatch(new RegExp(`${container.name} 64 .*${reason}`, 's'));
      }
      expect(readFileSync(join(outputs, 'there'), 'utf8')).toBe('before');
      expect(told(await podhand(pod, over))).toMatch(/^0 /);
      expect(readFileSync(join(outputs, 'there'), 'utf8')).toBe('a\n');
    });
  });
}

function told({ exitCode, output }: { exitCode: number; output: string }): string {
  return `${exitCode} ${output}`;
}
