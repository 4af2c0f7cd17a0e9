import { closeSync, fstatSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { makeSocketFile, removeDeadSocket, removeSocketFile } from '../../src/agent/sockets/socket-file.ts';
import { VolumePlace, volumesDirectory } from '../../src/agent/sockets/volume-place.ts';
import { attackOn } from '../attacks/attack.ts';
import { eventually } from '../conformance/subject.ts';
import { must, run } from '../node/processes.ts';
import { factsOf, makeCanary } from './canary.ts';
import { SocketNode } from './socket-node.ts';

const attack = attackOn('shared');

const hostile = fileURLToPath(new URL('hostile.ts', import.meta.url));
/** With what is outside read-only for the attacker itself: a change there is the agent's. */
function hostileProcess(volume: string, outside: string, count: number, where: 'inside' | 'around'): Promise<string> {
  const script = 'mount --bind "$2" "$2" && mount -o remount,bind,ro "$2" && exec "$0" "$5" "$1" "$2" "$3" "$4"';
  const args = [process.execPath, volume, outside, `${count}`, where, hostile];
  return must(['unshare', '--mount', '/bin/sh', '-c', script, ...args]);
}

const podUid = '0b5c2d3e-1f2a-4b3c-8d4e-5f6a7b8c9d0e';

describe('the calls that work in a hostile directory', () => {
  let directory: string;
  let volume: string;
  let outside: string;
  let place: VolumePlace;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'podhand-attack-'));
    outside = join(directory, 'outside');
    makeCanary(outside);
    const pods = join(directory, 'pods');
    volume = join(pods, volumesDirectory(podUid), 'podhand');
    mkdirSync(volume, { recursive: true });
    place = new VolumePlace(pods, podUid, 'podhand');
  });
  afterEach(async () => {
    await run(['chattr', '-i', volume]);
    rmSync(directory, { recursive: true, force: true });
  });

  /** One attempt: opens the place, makes a socket, looks for a dead one, removes its own. */
  function attempt(seen: Set<string>, inodesOutside: ReadonlySet<number>): void {
    const opened = place.open();
    if (opened === undefined) return;
    if ('obstacle' in opened) {
      seen.add(opened.obstacle);
      return;
    }
    try {
      expect(inodesOutside.has(fstatSync(opened.fd).ino)).toBe(false);
      const made = makeSocketFile(opened.fd, 'agent.sock', 0o666);
      if ('obstacle' in made) {
        seen.add(made.obstacle);
        removeDeadSocket(opened.fd, 'agent.sock');
        return;
      }
      seen.add('made');
      removeSocketFile(opened.fd, 'agent.sock', made);
      closeSync(made.fd);
    } finally {
      closeSync(opened.fd);
    }
  }

  attack.each<readonly ['inside' | 'around']>([['inside'], ['around']])(
    54,
    '%s: change nothing outside and keep no descriptor',
    async (where) => {
      const before = factsOf(outside);
      const inodesOutside = new Set([outside, join(outside, 'directory')].map((path) => statSync(path).ino));
      const descriptors = readdirSync('/proc/self/fd').length;
      const seen = new Set<string>();
      let attacking = true;
      const attacker = hostileProcess(volume, outside, 40_000, where).finally(() => {
        attacking = false;
      });
      while (attacking) {
        for (let count = 0; count < 20; count++) attempt(seen, inodesOutside);
        await turn();
      }
      await attacker;
      expect(factsOf(outside)).toEqual(before);
      expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(descriptors);
      // The attack was one: the socket was there at times, and many things were in its way.
      expect([...seen]).toEqual(expect.arrayContaining(['made', 'file', 'directory', 'symlink']));
    },
  );
});

describe('an agent whose pods attack it', () => {
  let node: SocketNode;
  beforeEach(async () => {
    node = await SocketNode.open();
  });
  afterEach(async () => await node.close());

  const isSocket = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;

  /** Sockets, and directories that they are in. */
  const ownDescriptors = () =>
    node.agent.descriptors().filter((to) => to.startsWith('socket:') || to.startsWith(node.directory)).length;

  attack(
    54,
    'serves the others, changes nothing outside, leaks nothing, and serves them too when it is over',
    async () => {
      const outside = join(node.directory, 'outside');
      makeCanary(outside);
      const quiet = await node.runtime.pod();
      const quietSocket = join(await node.makeVolume(quiet), 'agent.sock');
      await eventually(async () => isSocket(quietSocket));
      // Known from here on, with a socket in the run directory too.
      expect((await node.ask(quiet, ['info'])).exitCode).toBe(0);
      const before = { outside: factsOf(outside), quiet: lstatSync(quietSocket).ino };
      const descriptors = ownDescriptors();

      const attackers = [];
      for (const medium of ['', 'Memory', ''] as const) {
        const pod = await node.runtime.pod();
        const volume = await node.makeVolume(pod, 'podhand', medium);
        await eventually(async () => isSocket(join(volume, 'agent.sock')));
        const main = await pod.run({
          name: 'attacks',
          image: 'node',
          command: ['/usr/bin/node', '/podhand/test/sockets/hostile.ts', '/run/podhand', outside, '20000', 'inside'],
          volumes: [
            { volume: 'podhand', mountPath: '/run/podhand' },
            { volume: 'outside', mountPath: outside, kind: 'hostPath', hostPath: outside, readOnly: true },
          ],
          checkout: true,
        });
        attackers.push({ pod, volume, main });
      }
      const [first] = attackers;
      if (first === undefined) throw new Error('no attacker');
      const swapped = hostileProcess(first.volume, outside, 20_000, 'around');
      const late = await node.runtime.pod();
      const lateSocket = join(await node.makeVolume(late), 'agent.sock');
      await eventually(async () => isSocket(lateSocket));
      expect((await node.ask(late, ['info', '--retry-for', '0s'])).exitCode).toBe(0);
      expect((await node.ask(quiet, ['info', '--retry-for', '0s'])).exitCode).toBe(0);

      await swapped;
      for (const { main } of attackers) expect(await main.exited()).toEqual({ exitCode: 0 });
      expect(node.agent.alive).toBe(true);
      expect(lstatSync(quietSocket).ino).toBe(before.quiet);
      expect(factsOf(outside)).toEqual(before.outside);
      expect(await node.agent.metric('podhand_sockets_lost_total')).toBeGreaterThan(0);
      for (const { pod, volume } of attackers.slice(1)) {
        await must(['chattr', '-i', volume]);
        rmSync(join(volume, 'agent.sock'), { recursive: true, force: true });
        await must(['chmod', '777', volume]);
        const { exitCode, output } = await node.ask(pod, ['info', '-o', 'json']);
        expect(`${exitCode} ${output}`).toContain(`"uid": "${pod.uid}"`);
      }
      for (const { pod } of attackers) await pod.remove();
      await late.remove();
      await eventually(async () => ownDescriptors() <= descriptors);
    },
    240_000,
  );
});
