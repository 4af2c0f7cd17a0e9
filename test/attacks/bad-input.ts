import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collect, eventually, type Flavour, of, readFile, type Subject, waitFor } from '../conformance/subject.ts';
import type { TestPod } from '../node/pods.ts';
import { failure } from '../rpc/agent-under-test.ts';
import { attackOn } from './attack.ts';
import { type Result, table } from './bad-input-table.ts';
import { readsVolumesOnly } from './reach.ts';
import { UnixSocketFile } from './unix-socket-file.ts';

/** The number of the disk that the node's root is on: what a container would ask for that wants to read it. */
const { dev } = statSync('/');
const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)];

const made = `
set -e
mkdir -p /work/tree /work/deep /work/links && cd /work
printf 'hello\\n' > plain
ln -s /work/plain absolute; ln -s ../../../../work/plain climbing
ln -s loop loop; ln -s ring-b ring-a; ln -s ring-a ring-b; ln -s /nowhere dangling
last=plain; for i in $(seq 1 41); do ln -s $last chain-$i; last=chain-$i; done
ln -s /proc/self/root/etc/passwd self-root; ln -s /proc/self/cwd self-cwd; ln -s /proc/self/fd/0 self-fd
ln -s /etc/passwd links/absolute; ln -s ../../../../etc links/climbing; printf l > links/..file
mkfifo fifo; mknod device c 1 5; mknod disk b ${major} ${minor}
truncate -s 1099511627776 sparse
n="$(printf 'new\\nline')"; printf n > "$n"; printf u > "$(printf '\\377\\376')"; printf r > tree/-rf
d=deep; for i in $(seq 1 200); do d=$d/d; done; mkdir -p $d; printf deep > $d/file
`;

/** Bad input: each row over ReadFile and CollectArtifact, of a container that runs and of one that has ended. */
export function badInput(flavour: Flavour, subject: () => Subject): void {
  const attack = attackOn(flavour.executor);
  const ofVolume = readsVolumesOnly(flavour);

  describe.each(['running', 'exited'] as const)('bad input about a container that is %s', (state) => {
    let pod: TestPod;
    let socket: UnixSocketFile;
    beforeAll(async () => {
      pod = await subject().pod();
      const last = (ready: string) => (state === 'exited' ? 'sleep 0.3' : `touch ${ready}/ready; exec sleep 600`);
      const place = { main: ofVolume ? '/work' : '/tmp', user: ofVolume ? '/shared' : '/tmp' };
      const out = (mountPath: string) => ({ volume: 'out', mountPath });
      const work = ofVolume ? [{ volume: 'work', mountPath: '/work' }] : [];
      // A cluster's pod has to be told of all of them first, and keeps its volumes as long as one runs.
      const stays = await subject().sh(pod, 'stays', 'exec sleep 600', { start: false });
      const main = await subject().sh(pod, 'main', `${made}${last(place.main)}`, {
        volumes: [...work, out('/work/mounted/below')],
        start: false,
      });
      const user = await subject().sh(pod, 'user', last(place.user), {
        volumes: [out('/shared')],
        user: '1234:1234',
        start: false,
      });
      await stays.start();
      const shared = await pod.volumeDir('out');
      await eventually(async () => statSync(shared, { throwIfNoEntry: false }) !== undefined);
      socket = await UnixSocketFile.listen(shared, 'socket');
      writeFileSync(join(shared, 'private'), 'private', { mode: 0o600 });
      for (const container of [main, user]) await container.start();
      for (const name of ['main', 'user'] as const) {
        if (state === 'exited') expect((await waitFor(subject(), pod, name)).exitCode).toBe(0);
        else
          await eventually(
            async () => (await failure(readFile(subject(), pod, name, `${place[name]}/ready`))) === 'OK',
          );
      }
    });
    afterAll(() => socket?.close());

    for (const [number, what, path, { file, tree, volume }, { container = 'main', maxBytes = 0 } = {}] of table) {
      const expected = (result: Result) => {
        if (ofVolume && volume !== undefined) return volume;
        return typeof result === 'string' ? result : result[state];
      };
      const collected = (format: 'ARCHIVE_FORMAT_RAW' | 'ARCHIVE_FORMAT_TAR') => {
        const request = { container, path: Buffer.from(path), format, maxBytes };
        return failure(subject().client.collectArtifact(request, of(pod), { deadline: Date.now() + 60_000 }));
      };
      const body = async () => {
        // The base layer's top is not on any volume.
        const asTree = ofVolume && path === '/' ? '12 BASE_LAYER_NOT_OFFERED' : expected(tree);
        expect({
          ReadFile: await failure(readFile(subject(), pod, container, path, maxBytes)),
          raw: await collected('ARCHIVE_FORMAT_RAW'),
          tar: await collected('ARCHIVE_FORMAT_TAR'),
        }).toEqual({ ReadFile: expected(file), raw: expected(file), tar: asTree });
      };
      if (number === undefined) test(what, body);
      else attack(number, what, body);
    }

    attack(17, 'a sparse file of 1 TiB is some bytes on the wire', async () => {
      const { bytes, trailer } = await collect(subject(), pod, 'main', '/work/sparse', 'ARCHIVE_FORMAT_TAR');
      expect(bytes.length).toBeLessThan(10_000);
      expect(trailer.contentBytes).toBe(0);
    });

    const own = ofVolume ? ['chain-40'] : ['absolute', 'climbing', 'chain-40'];
    const reaching = ofVolume ? [28, 29] : [1, 2, 28, 29];
    attack(reaching, 'what links and names lead to is the container’s own file', async () => {
      for (const name of own) {
        expect((await readFile(subject(), pod, 'main', `/work/${name}`)).toString()).toBe('hello\n');
      }
      expect((await readFile(subject(), pod, 'main', '/work/new\nline')).toString()).toBe('n');
      expect((await readFile(subject(), pod, 'main', Buffer.from('/work/\xff\xfe', 'latin1'))).toString()).toBe('u');
    });

    attack([30, 31], 'a tree with links out of it, as GNU tar sees it', async () => {
      const { bytes } = await collect(subject(), pod, 'main', '/work/links', 'ARCHIVE_FORMAT_TAR');
      const listed = execFileSync('tar', ['-tvPf', '-'], { input: bytes }).toString().trim().split('\n');
      const entries = listed.map((line) => `${line[0]} ${line.split(/\s+/).slice(5).join(' ')}`);
      expect(entries.sort()).toEqual([
        '- links/..file',
        'd links/',
        'l links/absolute -> /etc/passwd',
        'l links/climbing -> ../../../../etc',
      ]);
    });

    attack(29, 'a name with a newline or an escape makes no log line of its own', async () => {
      const from = subject().logLines.length;
      const name = `/work/\n{"level":30,"msg":"forged"}\u001b[2J`;
      expect(await failure(readFile(subject(), pod, 'main', name))).toBe('5 FILE_NOT_FOUND');
      expect(await failure(readFile(subject(), pod, 'x\n{"msg":"forged"}', '/x'))).toBe('5 CONTAINER_NOT_FOUND');
      for (const line of subject().logLines.slice(from)) {
        for (const control of ['\n', '\u001b']) expect(line.trimEnd()).not.toContain(control);
        expect(JSON.parse(line).msg).not.toBe('forged');
      }
    });
  });
}
