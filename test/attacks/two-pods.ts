import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Flavour, Subject } from '../conformance/subject.ts';
import type { TestContainer, TestPod } from '../node/pods.ts';
import { isAlive } from '../node/processes.ts';
import { attackOn } from './attack.ts';
import type { Attempt } from './caller-program.ts';
import { base64, type PodCaller } from './pod-caller.ts';
import { openTwoPods, ownFile, secret, type TwoPods } from './two-pods-open.ts';

const refused = '5 CONTAINER_NOT_FOUND';

/**
 * Everything is tried from inside a pod, by a root process with capabilities, on its own socket unless another is named.
 * `open` says what else the two pods have and do.
 */
export function twoPods(
  flavour: Pick<Flavour, 'executor' | 'capabilities'>,
  subject: () => Subject,
  open: () => Promise<TwoPods> = () => openTwoPods(subject(), ownFile(flavour)),
): void {
  const attack = attackOn(flavour.executor);
  const ofVolume = !flavour.capabilities['files.base_layer.running'];
  const stats = (result: string) => (flavour.capabilities.stats ? result : '12 ROLE_NOT_OFFERED');
  describe('from inside one pod against another', () => {
    let pods: TwoPods;
    let mine: TestPod;
    let theirs: TestPod;
    let victim: TestContainer;
    let caller: PodCaller;
    let victimPid: number;
    let theirVolume: string;
    let ownVolume: string;

    beforeAll(async () => {
      pods = await open();
      ({ mine, theirs, victim, caller, victimPid, theirVolume, ownVolume } = pods);
    });

    const bystanders = () => pods.bystanders.map(({ name }) => name);

    /** Tries it; whatever the answer, it holds nothing of the other pod, and the victim is alive after it. */
    const attempt = async (what: Attempt): Promise<string> => {
      const outcome = await caller.call(what);
      const said = `${outcome.result} ${outcome.message} ${outcome.answered}`;
      for (const theirsAlone of [secret, theirs.uid, theirs.name]) {
        if (!saidBy(what).includes(theirsAlone)) expect(said).not.toContain(theirsAlone);
      }
      expect(outcome.answered).not.toContain(secret);
      expect(await isAlive(victimPid)).toBe(true);
      return outcome.result;
    };
    const path = base64(ownFile(flavour));
    const forged = () => ({ 'podhand-pod': theirs.uid });
    const theirKubelet = () => `/kubelet/${theirs.uid}/volumes/kubernetes.io~empty-dir/data`;
    const ofMine = async (what: Attempt) => JSON.parse((await caller.call(what)).answered);

    test('the caller does reach its own pod', async () => {
      expect((await ofMine({ rpc: 'getInfo', request: {} })).pod.uid).toBe(mine.uid);
      expect(await caller.call({ rpc: 'readFile', request: { container: 'main', path } })).toMatchObject({
        result: 'OK',
        answered: expect.stringContaining('own'),
      });
    });

    attack.each<[string, () => string]>([
      ['the name of its container', () => 'victim'],
      ['the id of its container', () => victim.id],
      ['the short id of its container', () => victim.id.slice(0, 12)],
      ['pod and container', () => `${theirs.namespace}/${theirs.name}/victim`],
      ['uid and container', () => `${theirs.uid}/victim`],
      ['a path to its directory', () => `../${theirs.uid}/victim`],
      ["the runtime's name", () => `k8s_victim_${theirs.name}_${theirs.namespace}_${theirs.uid}_0`],
      ['the number of its process', () => String(victimPid)],
      ['its cgroup', () => `${theirs.cgroup}/${victim.id}`],
      ['a name with a NUL before it', () => '\0victim'],
      ['its container that has ended', () => 'gone'],
    ])(
      [45, 53],
      'named by %s: read, collected, killed, followed, awaited and measured as one that is nowhere',
      async (_, of) => {
        const name = of();
        const each = (container: string): Attempt[] => [
          { rpc: 'readFile', request: { container, path } },
          { rpc: 'collectArtifact', request: { container, path, format: 'ARCHIVE_FORMAT_TAR' } },
          { rpc: 'saveArtifact', request: { container, path, destination: base64('/data/x') } },
          { rpc: 'kill', request: { containers: [container], gracePeriod: { seconds: 0 } } },
          { rpc: 'kill', request: { containers: [container], signal: 'KILL', once: true } },
          { rpc: 'streamLogs', request: { container } },
          { rpc: 'streamLogs', request: { container, previous: true } },
          { rpc: 'wait', request: { containers: [container] } },
          { rpc: 'watchStats', request: { containers: [container], once: true } },
        ];
        for (const what of each(name)) {
          const wanted = what.rpc === 'watchStats' ? stats(refused) : refused;
          expect(`${what.rpc} ${await attempt(what)}`).toBe(`${what.rpc} ${wanted}`);
        }
        // Word for word what is said of a name that exists nowhere.
        for (const [at, what] of each(name).entries()) {
          const nowhere = await caller.call(each('exists-nowhere')[at] as Attempt);
          const there = await caller.call(what);
          expect(there.message.replace(name, 'exists-nowhere')).toBe(nowhere.message);
        }
      },
    );

    attack.each<[string, () => Record<string, string>]>([
      ['podhand-pod', forged],
      ['podhand-pod, by name', () => ({ 'podhand-pod': `${theirs.namespace}/${theirs.name}` })],
      ['other keys', () => ({ 'podhand-pod-uid': theirs.uid, 'x-podhand-pod': theirs.uid, ':authority': theirs.uid })],
    ])(44, 'metadata %s forged: the own pod is answered, and only that', async (_, metadata) => {
      const list = await ofMine({ rpc: 'listContainers', request: {}, metadata: metadata() });
      // An emissary is put into its pod by an init container.
      const names = list.containers.map(({ name }: { name: string }) => name).filter((name: string) => name !== 'init');
      expect(names.sort()).toEqual(['caller', 'main', ...bystanders()].sort());
      expect((await ofMine({ rpc: 'getInfo', request: {}, metadata: metadata() })).pod.uid).toBe(mine.uid);
      expect(await attempt({ rpc: 'readFile', request: { container: 'victim', path }, metadata: metadata() })).toBe(
        refused,
      );
      expect(await attempt({ rpc: 'kill', request: { containers: ['victim'] }, metadata: metadata() })).toBe(refused);
    });

    attack.each<[string, () => string, RegExp]>([
      ["its root through the node's procfs", () => `/proc/${victimPid}/root/tmp/file`, /^(5|7|9) /],
      ['its root through process 1', () => '/proc/1/root/proc/1/root/tmp/file', /^(7|9) /],
      ['its working directory', () => `/proc/${victimPid}/cwd/tmp/file`, /^(5|7|9) /],
      ["the caller's descriptors", () => '/proc/self/fd/0', /^(5|7|9) /],
      ['its volume by the kubelet’s directory', () => `${theirKubelet()}/file`, /^7 MOUNT_REFUSED$/],
      ['its volume by a path with ..', () => `/data/../../../${theirs.uid}/volumes/data/file`, /^3 INVALID_PATH$/],
    ])(45, 'a path: %s', async (_, of, expected) => {
      for (const container of ['main', 'caller']) {
        // Where it is not mounted it does not exist.
        const absent = container === 'main' && of().startsWith('/kubelet') ? /^5 FILE_NOT_FOUND$/ : expected;
        // By the specification alone it is on no volume.
        const wanted =
          (ofVolume && absent !== expected) || (of().startsWith('/proc') && ofVolume)
            ? /^12 BASE_LAYER_NOT_OFFERED$/
            : absent;
        for (const rpc of ['readFile', 'collectArtifact', 'saveArtifact'] as const) {
          const request = { container, path: base64(of()), ...(rpc === 'saveArtifact' && destinationOf('stolen')) };
          expect(await attempt({ rpc, request })).toMatch(wanted);
        }
      }
      expect(existsSync(join(ownVolume, 'stolen'))).toBe(false);
    });

    attack(45, "a symlink to the other pod's directory, in a shared volume and in a collected tree", async () => {
      symlinkSync(theirKubelet(), join(ownVolume, 'link'));
      symlinkSync(theirVolume, join(ownVolume, 'absolute'));
      for (const link of ['link', 'absolute']) {
        for (const container of ['main', 'caller']) {
          const request = { container, path: base64(`/data/${link}/file`) };
          expect(await attempt({ rpc: 'readFile', request })).toMatch(
            ofVolume ? /^9 LINK_LEAVES_VOLUME$/ : /^(5 FILE_NOT_FOUND|7 MOUNT_REFUSED)$/,
          );
        }
      }
      const tree = { container: 'main', path: base64('/data'), format: 'ARCHIVE_FORMAT_TAR' };
      const collected = await caller.call({ rpc: 'collectArtifact', request: tree });
      expect(collected.result).toBe('OK');
      expect(collected.answered).not.toContain(secret);
    });

    attack.each<[string, () => string]>([
      ['by the kubelet’s directory', () => `${theirKubelet()}/planted`],
      ['by a link in the own volume', () => '/data/link/planted'],
      ['by procfs', () => `/proc/${victimPid}/root/data/planted`],
      ['by ..', () => `/data/../kubelet/${theirs.uid}/volumes/kubernetes.io~empty-dir/data/planted`],
    ])(45, "SaveArtifact into the other pod's volume %s", async (_, of) => {
      const before = readdirSync(theirVolume);
      const request = { container: 'main', path, ...destinationOf(of()), overwrite: true };
      expect(await attempt({ rpc: 'saveArtifact', request })).toMatch(
        /^(9 DESTINATION_NOT_A_VOLUME|3 INVALID_PATH|5 FILE_NOT_FOUND|9 SYMLINK_LOOP)$/,
      );
      expect(readdirSync(theirVolume)).toEqual(before);
      expect(readFileSync(join(theirVolume, 'file'), 'utf8')).toBe(secret);
    });

    attack(45, "the other pod's socket, reached by a hostPath: the second witness closes the connection", async () => {
      const socket = `/agent/pods/${theirs.uid}/agent.sock`;
      for (const metadata of [{}, forged()]) {
        for (const what of [
          { rpc: 'getInfo', request: {} },
          { rpc: 'listContainers', request: {} },
          { rpc: 'readFile', request: { container: 'victim', path } },
          { rpc: 'kill', request: { containers: ['victim'] } },
        ] as const) {
          expect(await attempt({ ...what, socket, metadata })).toMatch(/^14 /);
        }
      }
    });

    attack(46, 'the admin socket, reached by a hostPath, does not answer root of a container', async () => {
      const socket = '/agent/admin.sock';
      for (const what of [
        { rpc: 'getInfo', request: {} },
        { rpc: 'readFile', request: { container: 'victim', path } },
        { rpc: 'kill', request: { containers: ['victim'] } },
      ] as const) {
        for (const metadata of [{}, forged()]) expect(await attempt({ ...what, socket, metadata })).toMatch(/^14 /);
      }
    });

    attack(45, "a cursor of the other pod's log", async () => {
      for (const container of ['main', 'gone']) {
        const request = { container, cursor: pods.cursor.toString('base64') };
        expect(await attempt({ rpc: 'streamLogs', request })).toBe(container === 'main' ? '3 INVALID_CURSOR' : refused);
      }
    });

    attack(45, 'everything at once: default waits, stats and lists hold the own pod alone', async () => {
      expect(await attempt({ rpc: 'watchStats', request: { once: true } })).toBe(stats('OK'));
      // Nobody is left to wait for: neither the caller nor anybody of the other pod.
      expect(await attempt({ rpc: 'wait', request: { except: ['init', 'main', ...bystanders()] } })).toBe(refused);
      expect(await attempt({ rpc: 'listContainers', request: {} })).toBe('OK');
    });

    attack([45, 53], 'one name of the own pod and one of the other: nothing of it is done', async () => {
      const both = ['main', 'victim'];
      expect(await attempt({ rpc: 'kill', request: { containers: both, gracePeriod: { seconds: 0 } } })).toBe(refused);
      expect(await attempt({ rpc: 'wait', request: { containers: both } })).toBe(refused);
      expect(await attempt({ rpc: 'watchStats', request: { containers: both, once: true } })).toBe(stats(refused));
      const { containers } = await ofMine({ rpc: 'listContainers', request: {} });
      expect(containers.find(({ name }: { name: string }) => name === 'main').state).toBe('CONTAINER_STATE_RUNNING');
    });

    attack(45, "an image that only the other pod runs is no image of this pod's", async () => {
      for (const image of ['podhand-test/scratch:latest', victim.id, 'podhand-test/entrypoint:user']) {
        expect(await attempt({ rpc: 'resolveEntrypoint', request: { image } })).toMatch(
          /^(5 IMAGE_NOT_FOUND|12 ROLE_NOT_OFFERED)$/,
        );
      }
      expect(await attempt({ rpc: 'resolveEntrypoint', request: { container: 'victim' } })).toMatch(
        /^(5 CONTAINER_NOT_FOUND|12 ROLE_NOT_OFFERED)$/,
      );
    });
  });
}

/** What the attempt itself names, bytes decoded: an answer may repeat that. */
function saidBy({ request, metadata, socket }: Attempt): string {
  const { path = '', destination = '' } = request as { path?: string; destination?: string };
  const decoded = [path, destination].map((bytes) => Buffer.from(bytes, 'base64').toString());
  return [JSON.stringify(request), JSON.stringify(metadata), socket, ...decoded].join(' ');
}

function destinationOf(path: string) {
  return { destination: base64(path.startsWith('/') ? path : `/data/${path}`), format: 'ARCHIVE_FORMAT_RAW' };
}
