import { expect, test } from 'vitest';
import { merge, type Sightings } from '../../src/agent/executors/pns/merge.ts';
import type { Container } from '../../src/agent/pods/model.ts';
import type { HeldContainer } from '../../src/agent/processes/held-container.ts';

const at = (second: number) => new Date(1_700_000_000_000 + second * 1000);

const facts = { podUid: 'p', name: 'main', id: 'c', image: 'i', imageId: 'sha256:i', kind: 'regular' } as const;
/** As docker tells of it. */
const told = (restartCount: number, startedAt: Date, exitCode: number, finishedAt: Date): Container => ({
  ...facts,
  ...{ restartCount, startedAt, state: 'exited' },
  exit: { exitCode, oomKilled: false, finishedAt, source: 'docker-inspect' },
});
const ended = (startedAt: Date, exitedAt: Date, exitCode: number) =>
  ({ startedAt, ended: true, exit: { exitedAt, waitStatus: exitCode << 8 } }) as HeldContainer;

const sightings: Omit<Sightings, 'named' | 'held'> = {
  ...{ sourceTellsEnd: true, sourceReusesIds: true, heldEndedAs: undefined, missed: undefined },
  ...{ shown: undefined, isOverdue: false, isOlderThanAgent: false },
};
const first = told(0, at(0), 1, at(5));
const firstHeld = ended(at(0), at(5), 1);

test('the kernel’s word on an attempt', () => {
  expect(merge({ ...sightings, named: first, held: firstHeld })).toMatchObject({
    restartCount: 0,
    exit: { exitCode: 1, source: 'pidfd' },
  });
});

test.each([
  ['lived for a while', told(1, at(6), 2, at(9))],
  ['ended before docker noted its start', told(1, at(9), 2, at(9))],
])('an attempt that was not held and %s does not get the end of the one before', (_, second) => {
  expect(merge({ ...sightings, named: second, held: firstHeld, heldEndedAs: 0, shown: first })).toEqual(second);
});

test('an attempt that ended before docker noted its start has the kernel’s word on it', () => {
  const held = ended(at(6), at(7), 2);
  expect(merge({ ...sightings, named: told(1, at(9), 2, at(9)), held, shown: first })).toMatchObject({
    restartCount: 1,
    exit: { exitCode: 2, finishedAt: at(7), source: 'pidfd' },
  });
});

test('what runs already does not end the attempt before', () => {
  const held = { startedAt: at(6), ended: false, exit: undefined } as HeldContainer;
  expect(merge({ ...sightings, named: first, held })).toBe('wait');
});
