import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SocketNode } from '../sockets/socket-node.ts';
import { recordFaults } from './kills/record-store.ts';
import { seeded } from './kills/seeded.ts';
import { WorkingPod } from './kills/working-pod.ts';

let node: SocketNode;
beforeAll(async () => {
  node = await SocketNode.open();
});
afterAll(async () => await node?.close());

const isSaving = (pod: WorkingPod) => pod.step === 'saving';
const hasSaved = (name: string) => (pod: WorkingPod) => pod.saved.includes(name) && isSaving(pod);

/** Each is over with the next step, and where several are met the last says most. */
const moments: readonly (readonly [string, (pod: WorkingPod) => boolean])[] = [
  ['it waits', (pod) => pod.step === 'waiting'],
  ['the container has ended', isSaving],
  ['the first artifact is begun', (pod) => pod.saved.length > 0 && isSaving(pod)],
  ['a file is saved', hasSaved('blob')],
  ['a tree is saved', hasSaved('tree')],
  ['an archive is saved', hasSaved('packed.tgz')],
  ['the sidecar is being stopped', (pod) => pod.step === 'stopping'],
  ['all is done', (pod) => pod.step === 'over'],
];
/** Some moments last for milliseconds: what one pod was too quick for is tried with the next. */
const mostPods = 6;

test('the agent is killed at every step of a collect: all is there, once and whole', async () => {
  const left = new Map(moments);
  for (let number = 1; left.size > 0 && number <= mostPods; number++) {
    const pod = new WorkingPod(node, number, seeded(number));
    let lives = true;
    const life = pod.live().finally(() => {
      lives = false;
    });
    while (lives && left.size > 0) {
      const met = [...left].findLast(([, isMet]) => isMet(pod));
      if (met === undefined) {
        await sleep(1);
        continue;
      }
      await node.agent.end('SIGKILL');
      left.delete(met[0]);
      pod.look();
      await node.startAgent();
    }
    const { ended, faults } = await life;
    expect(faults).toEqual([]);
    expect(ended && (await recordFaults(join(node.directory, 'state'), ended))).toEqual([]);
  }
  expect([...left.keys()], 'moments that were never met').toEqual([]);
}, 600_000);
